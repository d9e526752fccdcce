"""The work that every stream processor must do at least, and what it is done with: the yardstick of the scorer.

The *bare loop*: decode a reading, update an exponentially weighted mean and variance of its enterprise. No checks, no
state that survives, no output. The decoder looks for two fields only, which favours the yardstick.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable

import msgspec
from river.stats import EWMean, EWVar

from connectors.compact import decode
from streams.bench.load import Form

_FADING = 0.05


class Reading(msgspec.Struct):
    """What the bare loop wants to know of a signal; an event has no value."""

    enterprise_id: str
    value: float | None = None


class BareWork:
    """Decodes and learns; all enterprises are known from the start, so no growth is measured.

    Parameters
    ----------
    enterprises
        Their ids.
    form
        Of the readings.

    Examples
    --------
    >>> work = BareWork(["a"], "json")
    >>> work.take(b'{"enterprise_id": "a", "value": 2.0, "unit": "kWh"}')
    >>> work.mean("a")
    2.0
    """

    def __init__(self, enterprises: Iterable[str], form: Form) -> None:
        gc.set_threshold(50_000, 20, 50)  # as in the scorer: a burst of records is no garbage
        self._known = {enterprise: (EWMean(_FADING), EWVar(_FADING)) for enterprise in enterprises}
        self._decode = msgspec.json.Decoder(Reading).decode
        self.take: Callable[[bytes], None] = self._take_json if form == "json" else self._take_compact

    def mean(self, enterprise: str) -> float:
        """Return an enterprise's mean."""
        return float(self._known[enterprise][0].get())

    def _take_json(self, value: bytes) -> None:
        reading = self._decode(value)
        if reading.value is not None:
            mean, variance = self._known[reading.enterprise_id]
            mean.update(reading.value)
            variance.update(reading.value)

    def _take_compact(self, value: bytes) -> None:
        if value[0] == 0x7B:  # "{": events are JSON in either form
            return self._take_json(value)
        block = decode(value)
        known = self._known
        for enterprise, number in zip(block.enterprises, block.values.tolist(), strict=True):
            mean, variance = known[enterprise]
            mean.update(number)
            variance.update(number)
        return None
