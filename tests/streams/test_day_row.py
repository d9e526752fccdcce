from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.models import MetricRow
from detectors.calendar import Calendar
from detectors.config import DetectionConfig
from streams.rules import Rules
from streams.series import Open
from streams.telling import DayRow, Teller

FIGURE = st.floats(allow_nan=False, allow_infinity=False)
RULES = Rules(1, Calendar(), DetectionConfig.default())


@given(
    enterprise=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64),
    figures=st.tuples(FIGURE, FIGURE, FIGURE, FIGURE),
    expected=st.none() | FIGURE,
    count=st.integers(0, 96),
    start=st.datetimes(timezones=st.just(UTC)),
)
@settings(deadline=None)
def test_a_row_is_read_as_the_metric_row_that_it_stands_for(
    enterprise: str, figures: tuple[float, float, float, float], expected: float | None, count: int, start: datetime
) -> None:
    row = DayRow(1, enterprise, "electricity", "daily_kwh", "1d", start, count, *figures, expected, start)
    total, low, high, last = figures
    model = MetricRow(
        enterprise_id=enterprise, family="electricity", metric="daily_kwh", window="1d", start=start, count=count,
        sum=total, min=low, max=high, last=last, expected=expected, at=start,
    )  # fmt: skip
    assert MetricRow.model_validate_json(row.wire()) == model
    assert list(row.__struct_fields__) == list(MetricRow.model_fields)


def test_a_sum_beyond_every_float_is_no_row() -> None:
    opened = Open(20_000)
    opened.add(0, 1.7e308)
    opened.add(1, 1.7e308)
    assert Teller(RULES).day("E1", RULES.series["daily_kwh"], opened, 1.0, 1.0, 0, 0) is None
