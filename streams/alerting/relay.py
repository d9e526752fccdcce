"""From the control store's outbox to Kafka."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # ships no types

from connectors.control import ControlStore

_BATCH = 500


async def relay(store: ControlStore, producer: AIOKafkaProducer) -> int:
    """Send the oldest messages of the outbox, in order, and drop them once Kafka has them; return how many.

    At least once: after a crash in between they are sent again with the same ids.

    Raises
    ------
    aiokafka.errors.KafkaError
        If Kafka does not take them: replace the producer and call again.
    connectors.control.AWAY
        If the control store is away: call again.
    """
    messages = await asyncio.to_thread(store.pending_actions, _BATCH)
    if not messages:
        return 0
    sent = [await producer.send(message.topic, message.value, message.key) for message in messages]
    await asyncio.gather(*sent)
    await asyncio.to_thread(store.mark_relayed, messages)
    return len(messages)
