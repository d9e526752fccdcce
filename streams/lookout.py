"""Whether signals are scored at all, for those who look at the board: silence must not pass for safety."""

from __future__ import annotations

from dataclasses import dataclass

from kafka.errors import KafkaError  # type: ignore[import-untyped]  # ships no types

from connectors.kafka.admin import KafkaAwayError, connected
from streams import health
from streams.clock import Clock
from streams.runtime import Endpoints
from streams.settings import Settings

#: A restart takes a few seconds: who is away for less is not missed. Milliseconds.
GRACE_MS = 20_000
_ASK_EVERY_MS = 15_000
_ASK_S = 3.0


@dataclass(frozen=True, slots=True)
class Scoring:
    """Whether signals are scored.

    Parameters
    ----------
    halted_since
        Since when nothing is; None while something is, or nobody knows. Milliseconds since the epoch.
    """

    halted_since: int | None = None


class Lookout:
    """Looks after the scorers: by their signs of life on this machine, else by asking Kafka who reads.

    Parameters
    ----------
    settings, places
        Which stack.
    clock
        The machine's.
    """

    def __init__(self, settings: Settings, places: Endpoints, clock: Clock) -> None:
        self._settings = settings
        self._places = places
        self._clock = clock
        self._halted_since: int | None = None
        self._asked_at: int | None = None
        self._members: int | None = None

    def look(self) -> Scoring:
        """Look once. Blocks: reads files, and asks Kafka where there are none."""
        now = self._clock.now_ms()
        signs = [sign for sign in health.read_all(self._settings.data_dir) if sign.part.startswith("scorer-")]
        works = self._by_signs(signs, now) if signs else self._by_members(now)
        if works is not False:
            self._halted_since = None
            return Scoring()
        if self._halted_since is None:  # of the dead the last sign tells; who lives and cannot work does so since now
            living = any(sign.alive and sign.fresh(now) for sign in signs)
            self._halted_since = now if living else min(now, max((sign.at_ms for sign in signs), default=now))
        return Scoring(self._halted_since) if now - self._halted_since >= GRACE_MS else Scoring()

    @staticmethod
    def _by_signs(signs: list[health.Sign], now: int) -> bool:
        return any(sign.state == "running" and not sign.not_ready and sign.alive and sign.fresh(now) for sign in signs)

    def _by_members(self, now: int) -> bool | None:
        """Return whether somebody reads; None if Kafka does not tell."""
        if self._asked_at is None or now - self._asked_at >= _ASK_EVERY_MS:
            self._asked_at = now
            try:
                with connected(self._places.kafka, _ASK_S) as admin:
                    self._members = admin.members(self._settings.app)
            except (KafkaAwayError, KafkaError):
                self._members = None
        return None if self._members is None else self._members > 0
