"""Delivering what the control store has queued: many attempts side by side, each queue in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from connectors.control import AWAY, Attempt, ControlStore, Pending
from connectors.webhook import Outcome, Verdict
from streams import metrics
from streams.alerting.backoff import Backoff, after
from streams.clock import Clock
from streams.logs import logger
from streams.metrics import Metrics

_log = logger(__name__)


class Sends(Protocol):
    """Tries once to deliver a message; ``connectors.webhook.WebhookSender`` is the one."""

    async def send(self, url: str, secret: str, webhook_id: str, body: bytes) -> Outcome:
        """Return how it went, within bounded time; raise for nothing that the receiver or the network do."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much goes on at the same time.

    Parameters
    ----------
    total
        Most attempts under way, of all subscriptions.
    per_subscription
        Most attempts under way of one subscription whose receiver answers.
    attempts
        How often a delivery is tried before it has failed.
    """

    total: int = 256
    per_subscription: int = 4
    attempts: int = 60


class Deliverer:
    """Delivers the heads of all (subscription, enterprise) queues, side by side.

    One attempt per pair is under way at most, so each receiver sees each enterprise's messages in order. A receiver
    that fails or is slow takes slots of its own only; while it fails it gets one attempt at a time.

    Parameters
    ----------
    store
        Where the work is; it may be away for a while.
    clock
        Tells the time of attempts.
    counts
        Where attempts are counted.
    """

    def __init__(
        self,
        store: ControlStore,
        sender: Sends,
        clock: Clock,
        limits: Limits,
        backoff: Backoff,
        counts: Metrics | None = None,
    ) -> None:
        self._counts = counts or Metrics("notifier")
        self._store = store
        self._sender = sender
        self._clock = clock
        self._limits = limits
        self._backoff = backoff
        self.under_way: dict[str, asyncio.Task[None]] = {}
        self._just_ended: set[str] = set()
        self._busy: Counter[str] = Counter()
        self._failing: set[str] = set()
        self.finished = asyncio.Event()
        """Set whenever an attempt has ended: there may be more to start."""
        self.broken: BaseException | None = None
        """An error in our own code, which the caller must raise."""

    async def start_due(self) -> int:
        """Start an attempt for everything whose turn it is and that has a slot; return how many were started.

        Raises
        ------
        connectors.control.AWAY
            If the control store is away; nothing is lost, call again.
        """
        if self.broken is not None:
            raise self.broken
        started = 0
        self._just_ended.clear()
        for pending in await asyncio.to_thread(self._store.due, self._clock.now_ms(), self._limits.per_subscription):
            if self._has_slot(pending):
                self._start(pending)
                started += 1
        return started

    async def drain(self, grace_s: float) -> None:
        """Let the attempts under way end; break off those that have not after the grace, to be repeated later."""
        if self.under_way:
            _, late = await asyncio.wait(self.under_way.values(), timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _has_slot(self, pending: Pending) -> bool:
        allowed = 1 if pending.subscription_id in self._failing else self._limits.per_subscription
        return (
            pending.webhook_id not in self.under_way
            and pending.webhook_id not in self._just_ended  # while the store was read, which may show it as due still
            and len(self.under_way) < self._limits.total
            and self._busy[pending.subscription_id] < allowed
        )

    def _start(self, pending: Pending) -> None:
        self._busy[pending.subscription_id] += 1
        task = asyncio.create_task(self._attempt(pending), name=pending.webhook_id)
        self.under_way[pending.webhook_id] = task
        task.add_done_callback(lambda done: self._ended(pending, done))

    def _ended(self, pending: Pending, task: asyncio.Task[None]) -> None:
        del self.under_way[pending.webhook_id]
        self._just_ended.add(pending.webhook_id)
        self._busy[pending.subscription_id] -= 1
        self.finished.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken = error

    async def _attempt(self, pending: Pending) -> None:
        began = self._clock.monotonic()
        outcome = await self._sender.send(
            pending.url, pending.secret.get_secret_value(), pending.webhook_id, pending.body
        )
        took_ms = round((self._clock.monotonic() - began) * 1000)
        if outcome.verdict is Verdict.DELIVERED:
            self._failing.discard(pending.subscription_id)
        else:
            self._failing.add(pending.subscription_id)
        attempt = after(
            outcome,
            webhook_id=pending.webhook_id,
            attempt=pending.attempts + 1,
            most=self._limits.attempts,
            backoff=self._backoff,
            at=self._clock.now_ms(),
            took_ms=took_ms,
        )
        await self._record(pending, attempt, gone=outcome.verdict is Verdict.GONE)

    async def _record(self, pending: Pending, attempt: Attempt, *, gone: bool) -> None:
        # The slot is held until the store has it: a store that can be read but not written (a full disk) would
        # otherwise have the same message sent again and again without a pause.
        async for trying in AsyncRetrying(
            retry=retry_if_exception_type(AWAY), wait=wait_exponential(multiplier=0.5, max=30)
        ):
            with trying:
                message = await asyncio.to_thread(
                    self._store.record_attempt, pending.webhook_id, attempt, gone_for="notifier" if gone else None
                )
        self._counts.count(metrics.ATTEMPTS, 1, attempt.status)
        if message is not None and attempt.status != "delivered":
            _log.warning(
                "webhook not delivered",
                webhook_id=pending.webhook_id,
                subscription_id=pending.subscription_id,
                attempt=message.attempt,
                status=attempt.status,
                reason=attempt.reason,
            )
