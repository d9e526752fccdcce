"""What an officer would notice of the engine: when it warns, when it stops, what it takes back."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.models import (
    Alert,
    DeadLetter,
    Enterprise,
    Finding,
    FindingState,
    Level,
    MetricRow,
    Risk,
    Signal,
    Transition,
)
from detectors.cases import Cases
from detectors.collapse import Collapse
from detectors.config import default
from detectors.contract import Context, Opinion, Series
from detectors.estimators import EWVar
from streams.clock import millis
from streams.shard import EngineFaultError, GapError, Record, Shard
from streams.state import GROUP, pack_group, unpack_group
from tests.streams.city import FACTORY, MONDAY, Dark, Feed, case, quarter, reading, rules


def running(days: int = 30, kwh: float = 1000.0) -> Feed:
    feed = Feed(Shard(0, rules()))
    feed.send(*(reading(day, kwh) for day in range(days)))
    return feed


def test_a_steady_factory_raises_nothing() -> None:
    feed = running(60)
    feed.until(61)
    assert feed.taken() == []


def test_a_collapse_is_told_when_its_day_closes() -> None:
    feed = running()
    feed.send(reading(30, 10.0))
    assert feed.taken() == []  # the day has not closed
    feed.until(31, 7)
    (alert,) = feed.taken()
    assert alert.transition is Transition.OPENED
    assert alert.level is Level.YELLOW
    assert alert.sequence == 1
    assert alert.decided_on == (MONDAY + timedelta(days=30, hours=8)).date().isoformat()
    assert alert.at == MONDAY + timedelta(days=31, hours=6, minutes=1)
    (reason,) = alert.reasons
    assert (reason.observed, reason.expected) == (10.0, 1000.0)
    assert "10" in reason.zh
    assert reason.evidence[0].offset == 30


def test_an_alert_ends_after_recovery_but_not_at_once() -> None:
    feed = running()
    feed.send(*(reading(day, 10.0) for day in range(30, 33)), *(reading(day, 1000.0) for day in range(33, 120)))
    alerts = feed.taken()
    assert alerts[0].transition is Transition.OPENED
    assert alerts[-1].transition is Transition.RESOLVED
    assert alerts[-1].level is Level.NONE
    assert [a.sequence for a in alerts] == list(range(1, len(alerts) + 1))
    assert alerts[-1].at - alerts[0].at > timedelta(days=5)
    assert {a.alert_id for a in alerts} == {f"{FACTORY}-1"}


def test_a_restated_figure_takes_the_alert_back() -> None:
    feed = running()
    feed.send(reading(30, 10.0))
    feed.until(31)
    feed.send(
        reading(30, 990.0, revision=1, published_at=MONDAY + timedelta(days=31, hours=13)),
    )
    opened, retracted = feed.taken()
    assert opened.transition is Transition.OPENED
    assert retracted.transition is Transition.RETRACTED
    assert retracted.rule == "retracted"


def later(day: int) -> datetime:
    return MONDAY + timedelta(days=day, hours=13)


def test_a_restated_figure_takes_back_what_was_over_already() -> None:
    feed = running()
    feed.send(reading(30, 10.0), reading(31, 1000.0), reading(32, 1000.0))
    feed.send(reading(30, 990.0, revision=1, published_at=later(33)))
    assert [alert.transition for alert in feed.taken()] == [Transition.OPENED, Transition.RETRACTED]


def test_a_restated_figure_of_another_day_leaves_what_was_over_as_it_was() -> None:
    feed = running()
    feed.send(reading(30, 10.0), reading(31, 1000.0), reading(32, 1000.0))
    feed.send(reading(31, 990.0, revision=1, published_at=later(33)))
    feed.send(reading(29, 990.0, revision=1, published_at=later(33) + timedelta(minutes=5)))
    feed.send(reading(30, 11.0, revision=1, published_at=later(33) + timedelta(minutes=9)))
    assert [alert.transition for alert in feed.taken()] == [Transition.OPENED]


def test_an_enterprise_of_which_only_history_is_known_is_told_when_it_goes_silent() -> None:
    feed = Feed(Shard(0, rules(Silent())))
    feed.send(*(reading(day, 1000.0, backfill=True) for day in range(30)))
    feed.until(32)
    (alert,) = feed.taken()
    assert alert.reasons[0].reason == "electricity.silence"
    assert alert.notify


def test_a_recovery_that_is_told_late_does_not_take_the_collapse_back() -> None:
    feed = Feed(Shard(0, rules(Stubborn())))
    feed.send(*(reading(day, 1000.0) for day in range(30)), reading(30, 10.0))
    feed.until(32)  # nothing of day 31 so far
    feed.send(reading(31, 1000.0, published_at=MONDAY + timedelta(days=32, hours=13)))
    taken = feed.shard.take().outputs
    assert [Alert.model_validate_json(value).transition for _, value in taken["alerts"]] == [Transition.OPENED]
    findings = [Finding.model_validate_json(value) for _, value in taken["findings"]]
    assert [f.state for f in findings] == [FindingState.RAISED, FindingState.ENDED]


def test_a_gap_that_is_filled_late_was_no_silence() -> None:
    feed = Feed(Shard(0, rules(Silent())))
    feed.send(*(reading(day, 1000.0) for day in range(30)))
    feed.until(31)
    feed.send(reading(30, 1000.0, published_at=MONDAY + timedelta(days=31, hours=13)))
    assert [alert.transition for alert in feed.taken()] == [Transition.OPENED, Transition.RETRACTED]


def test_a_figure_that_comes_after_its_day_has_closed_counts_as_seen() -> None:
    feed = Feed(Shard(0, rules()))
    known = [MONDAY + timedelta(days=day + 1, hours=10) for day in range(31)]  # the days close at six
    feed.send(*(reading(day, 10.0 if day == 30 else 1000.0, published_at=known[day]) for day in range(31)))
    (alert,) = feed.taken()
    assert alert.decided_on == (MONDAY + timedelta(days=30, hours=8)).date().isoformat()


def test_a_bankruptcy_is_red_at_once_and_its_removal_lowers_the_level() -> None:
    feed = running()
    feed.send(case(30, "bankruptcy"))
    (alert,) = feed.taken()
    assert alert.level is Level.RED
    assert alert.at == MONDAY + timedelta(days=30, hours=12)
    feed.send(case(40, "bankruptcy", status="closed"), *(reading(day, 1000.0) for day in range(41, 60)))
    assert any(a.transition in (Transition.EASED, Transition.RESOLVED) for a in feed.taken())


def test_a_flood_of_cases_on_one_day_does_not_fill_the_memory() -> None:
    feed = Feed(Shard(0, rules()))
    feed.send(case(1, "bankruptcy", number="(2025)闽01破1号"))
    feed.send(*(case(1, number=f"(2025)闽01执{number}号") for number in range(200)))
    evidence = feed.shard.engine.enterprises[FACTORY].evidence
    assert len(evidence) == 32
    assert evidence[0].reason == "litigation.bankruptcy"


def test_history_builds_a_baseline_and_notifies_nobody() -> None:
    feed = Feed(Shard(0, rules()))
    feed.send(*(reading(day, 1000.0, backfill=True) for day in range(30)))
    feed.send(reading(30, 10.0, backfill=True))
    feed.until(31)
    (alert,) = feed.taken()
    assert not alert.notify
    feed.send(case(31, "bankruptcy"))
    (escalated,) = feed.taken()
    assert escalated.notify


def test_old_history_sent_to_a_running_stack_fills_the_baseline() -> None:
    feed = Feed(Shard(0, rules()))
    now = MONDAY + timedelta(days=60, hours=12)
    feed.send(*(reading(day, 1000.0, backfill=True, published_at=now) for day in range(59)))
    feed.send(reading(60, 10.0))
    feed.until(61)
    (alert,) = feed.taken()
    assert alert.reasons[0].expected == 1000.0
    assert alert.notify


class Stubborn(Dark):
    """Holds its opinion while nothing comes."""

    def judge_one(self, memory: EWVar, context: Context) -> Sequence[Opinion]:
        closed = context.series["daily_kwh"]
        values = [*closed.values]
        while math.isnan(values[-1]):
            values.pop()
        last = closed.last - len(closed.values) + len(values)
        return super().judge_one(memory, context._replace(series={"daily_kwh": Series(last, values)}))


class Silent(Dark):
    """Says so when a day brought nothing."""

    def judge_one(self, memory: EWVar, context: Context) -> list[Opinion]:
        closed = context.series["daily_kwh"]
        since = context.calendar.day_start(closed.last)
        return [Opinion("electricity.silence", 0.7, since)] if math.isnan(closed.values[-1]) else []


def test_history_added_to_a_living_enterprise_does_not_mute_it() -> None:
    feed = Feed(Shard(0, rules(Silent())))
    feed.send(*(reading(day, 1000.0) for day in range(30)))
    feed.send(reading(-3, 1000.0, backfill=True, published_at=MONDAY + timedelta(days=30, hours=8)))
    feed.until(32)
    (alert,) = feed.taken()
    assert alert.reasons[0].reason == "electricity.silence"
    assert alert.notify


def test_the_same_reading_twice_counts_once() -> None:
    feed = running(30)
    feed.send(reading(29, 1000.0), reading(12, 1000.0))
    taken = feed.shard.take()
    assert "dead-letters" not in taken.outputs
    assert feed.shard.engine.enterprises[FACTORY].closed["daily_kwh"].values.count(1000.0) == 29


def test_a_contradiction_without_a_revision_becomes_a_dead_letter() -> None:
    feed = running(30)
    feed.send(reading(12, 5.0))
    (row,) = feed.shard.take().outputs["dead-letters"]
    letter = DeadLetter.model_validate_json(row[1])
    assert letter.reason == "conflict"
    assert "revision" in letter.detail


def test_quarter_hours_add_up_and_a_missing_half_day_is_unknown_not_low() -> None:
    feed = Feed(Shard(0, rules()))
    feed.send(*(quarter(0, slot, 2.0) for slot in range(96)), *(quarter(1, slot, 2.0) for slot in range(40)))
    feed.until(2)
    closed = feed.shard.engine.enterprises[FACTORY].closed["daily_kwh"]
    assert closed.values[0] == 192.0
    assert math.isnan(closed.values[1])
    rows = [MetricRow.model_validate_json(value) for _, value in feed.shard.take().outputs["metrics"]]
    assert [(row.window, row.count, row.sum) for row in rows] == [("1d", 96, 192.0), ("1d", 40, 80.0)]


def test_the_readings_of_a_day_do_not_rewrite_what_is_remembered_of_the_enterprise() -> None:
    feed = Feed(Shard(0, rules()))
    feed.send(*(quarter(0, slot, 2.0) for slot in range(40)))
    feed.shard.take()  # after the daily review
    feed.send(*(quarter(0, slot, 2.0) for slot in range(40, 96)))
    states = feed.shard.take().states
    assert not [key for key, _ in states if key.startswith(FACTORY.encode())]
    assert sum(len(key) + len(value or b"") for key, value in states) < 600


def test_a_late_quarter_hour_completes_its_day() -> None:
    feed = Feed(Shard(0, rules()))
    late = MONDAY + timedelta(days=2, hours=1)
    feed.send(*(quarter(0, slot, 2.0) for slot in range(70)), reading(1, 192.0))
    feed.until(2, 0)
    feed.send(
        *(
            quarter(
                0,
                slot,
                2.0,
            ).model_copy(update={"published_at": late})
            for slot in range(70, 96)
        )
    )
    assert feed.shard.engine.enterprises[FACTORY].closed["daily_kwh"].values[0] == 192.0


def test_a_corrected_quarter_hour_needs_the_days_total() -> None:
    feed = Feed(Shard(0, rules()))
    feed.send(*(quarter(0, slot, 2.0) for slot in range(96)), reading(1, 192.0))
    feed.until(2)
    again = MONDAY + timedelta(days=2, hours=13)
    feed.send(quarter(0, 3, 9.0, revision=1).model_copy(update={"published_at": again}))
    (row,) = feed.shard.take().outputs["dead-letters"]
    assert DeadLetter.model_validate_json(row[1]).reason == "needs-day-total"
    feed.send(reading(0, 199.0, revision=1, published_at=again))
    assert feed.shard.engine.enterprises[FACTORY].closed["daily_kwh"].values[0] == 199.0


def test_quarter_hours_that_are_sent_again_after_the_days_total_are_repeats() -> None:
    feed = Feed(Shard(0, rules()))
    feed.send(*(quarter(0, slot, 2.0) for slot in range(96)))
    feed.until(2)
    later = MONDAY + timedelta(days=2, hours=13)
    feed.send(reading(0, 199.0, revision=1, published_at=later))
    feed.send(*(quarter(0, slot, 2.0).model_copy(update={"published_at": later}) for slot in range(96)))
    assert "dead-letters" not in feed.shard.take().outputs
    assert feed.shard.engine.enterprises[FACTORY].closed["daily_kwh"].values[0] == 199.0


def test_a_restatement_beyond_the_horizon_marks_the_open_alert_for_review() -> None:
    feed = running(20)
    feed.send(case(20, "bankruptcy"), *(reading(day, 1000.0) for day in range(20, 90)))
    feed.taken()
    feed.send(reading(2, 500.0, revision=1, published_at=MONDAY + timedelta(days=91)))
    (review,) = feed.taken()
    assert review.transition is Transition.REVIEW
    assert review.level is review.previous_level is Level.RED
    assert review.notify
    feed.send(reading(3, 500.0, revision=1, backfill=True, published_at=MONDAY + timedelta(days=91)))
    assert [alert.notify for alert in feed.taken()] == [False]


def test_risk_shows_what_is_fresh_stale_and_never_seen() -> None:
    feed = running(10)
    feed.until(11)
    first = [Risk.model_validate_json(value) for _, value in feed.shard.take().outputs["risk"]][-1]
    coverage = {family.family: family.coverage.value for family in first.families}
    assert coverage["electricity"] == "fresh"
    assert coverage["tax"] == "never"
    assert first.high > first.low
    feed.until(30)
    later = [Risk.model_validate_json(value) for _, value in feed.shard.take().outputs["risk"]][-1]
    assert {f.family: f.coverage.value for f in later.families}["electricity"] == "stale"


def test_findings_say_when_an_opinion_comes_and_goes() -> None:
    feed = running()
    feed.send(reading(30, 10.0), reading(31, 1000.0), reading(32, 1000.0))
    findings = [Finding.model_validate_json(value) for _, value in feed.shard.take().outputs["findings"]]
    assert [f.state.value for f in findings] == ["raised", "ended"]
    assert len({f.finding_id for f in findings}) == 1


def test_a_matter_that_is_closed_and_begins_anew_stays_one_finding_and_is_dated_anew() -> None:
    feed = Feed(Shard(0, rules()))
    feed.send(case(1), case(20, status="closed"), case(30, source_id="again"))
    findings = [Finding.model_validate_json(value) for _, value in feed.shard.take().outputs["findings"]]
    assert [f.state.value for f in findings] == ["raised", "changed", "changed"]
    assert len({f.finding_id for f in findings}) == 1
    assert [f.since for f in findings] == [MONDAY + timedelta(days=day, hours=12) for day in (1, 20, 30)]


def test_a_step_that_makes_an_old_case_count_again_is_told_and_how_it_fades() -> None:
    feed = Feed(Shard(0, rules(Dark(), Cases(default().litigation))))
    feed.send(*(case(day, kind="hearing", source_id=f"hearing-{day}") for day in (1, 3, 70)))
    findings = [Finding.model_validate_json(value) for _, value in feed.shard.take().outputs["findings"]]
    assert [f.since for f in findings] == [MONDAY + timedelta(days=day, hours=12) for day in (1, 70)]
    assert [(f.lasting, f.closed) for f in findings] == [(False, False)] * 2
    assert {f.half_life_days for f in findings} == {90.0}


def test_the_registry_names_the_enterprise_in_its_alerts() -> None:
    feed = running()
    entry = Enterprise(
        enterprise_id=FACTORY, names=["甲公司"], region="350102", published_at=MONDAY, source="registry", source_id="1"
    )
    feed.send(entry, reading(30, 10.0))
    feed.until(31)
    assert feed.taken()[0].enterprise_name == "甲公司"


def test_an_undated_registry_does_not_make_the_stack_live_through_half_a_century() -> None:
    feed = Feed(Shard(0, rules()))
    entry = Enterprise(enterprise_id=FACTORY, names=["甲公司"], source="registry", source_id="1")
    feed.raw("enterprises", entry.wire(), 0)  # as a simulated stack dates what does not say when it was published
    feed.send(reading(0, 1000.0))
    taken = feed.shard.take()
    assert "risk" not in taken.outputs
    assert [entry[0] for entry in json.loads(taken.outputs["journal"][0][1])["entries"]] == ["records", "records"]
    feed.until(2)
    assert "risk" in feed.shard.take().outputs


def test_records_that_were_skipped_are_noticed() -> None:
    feed = running(5)
    with pytest.raises(GapError):
        feed.shard.apply("signals.electricity", 7, 8, [Record(7, 0, None, b"{}")])


def test_what_was_deleted_unread_becomes_one_dead_letter() -> None:
    feed = running(5)
    feed.shard.take()
    first = feed.shard.next["signals.electricity"]
    feed.shard.skip("signals.electricity", first + 40)
    feed.shard.skip("signals.tax", 0)  # never seen before: nothing is known to be lost
    (row,) = feed.shard.take().outputs["dead-letters"]
    letter = DeadLetter.model_validate_json(row[1])
    assert (letter.reason, letter.topic, letter.offset) == ("input-lost", "signals.electricity", first)
    assert f"up to offset {first + 40}" in letter.detail


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"k" * 3_000_000, b"\0" * 3_000_000),
        (None, b'{"%s":1,%s' % (b"x" * 900_000, reading(0, 1.0).wire()[1:])),
    ],
)
def test_a_dead_letter_fits_a_batch_whatever_was_sent(key: bytes | None, value: bytes) -> None:
    shard = Shard(0, rules())
    shard.apply("signals.electricity", 0, 1, [Record(0, millis(MONDAY + timedelta(days=1)), key, value)])
    (row,) = shard.take().outputs["dead-letters"]
    assert len(row[1]) < 1_500_000
    assert value.startswith(base64.b64decode(DeadLetter.model_validate_json(row[1]).value))


class Broken(Dark):
    """A detector with a bug."""

    name = "broken"

    def judge_one(self, memory: object, context: object) -> list[object]:  # type: ignore[override]  # broken on purpose
        raise ZeroDivisionError


def test_a_broken_detector_is_reported_and_the_others_go_on() -> None:
    feed = Feed(Shard(0, rules(Broken(), Dark())))
    feed.send(*(reading(day, 1000.0) for day in range(30)), reading(30, 10.0))
    feed.until(31)
    taken = feed.shard.take()
    letters = [DeadLetter.model_validate_json(value) for _, value in taken.outputs["dead-letters"]]
    assert {letter.reason for letter in letters} == {"detector-error"}
    assert "broken" in letters[0].detail
    assert len(taken.outputs["alerts"]) == 1


class Explosive:
    """An event detector with a bug."""

    name, version, family, events = "explosive", 1, "litigation", ("case",)

    def memory(self) -> list[int]:
        return []

    def dump(self, memory: list[int]) -> list[int]:
        return []

    def load(self, state: list[int]) -> list[int]:
        return []

    def judge_one(self, memory: object, event: object, context: object) -> list[object]:
        raise ZeroDivisionError

    def learn_one(self, memory: object, event: object, context: object) -> None:
        return


def test_a_record_that_breaks_the_engine_twice_is_dead_lettered() -> None:
    feed = Feed(Shard(0, rules(Explosive())))
    with pytest.raises(EngineFaultError) as fault:
        feed.send(case(1))
    assert (fault.value.topic, fault.value.offset) == ("signals.litigation", 0)
    again = Shard(0, rules(Explosive()), condemned={("signals.litigation", 0)})
    topic, record = feed.log[0]
    again.apply(topic, 0, 1, [record])
    taken = again.take()
    (row,) = taken.outputs["dead-letters"]
    assert DeadLetter.model_validate_json(row[1]).reason == "engine-error"
    assert taken.offsets == {"signals.litigation": 1}


# ---- exactness ---------------------------------------------------------------------------------------------------

_steps = st.lists(
    st.one_of(
        st.tuples(st.just("kwh"), st.integers(0, 1), st.sampled_from([0.0, 5.0, 900.0, 1000.0, 1100.0])),
        st.tuples(st.just("case"), st.integers(0, 1), st.sampled_from(["enforcement", "bankruptcy", "closed"])),
        st.tuples(st.just("late"), st.integers(1, 20), st.floats(0, 2000)),
        st.tuples(st.just("garbage"), st.integers(0, 1), st.just(0.0)),
    ),
    max_size=40,
)


def play(feed: Feed, steps: list[tuple[str, int, object]], every: int = 0) -> list[tuple[bytes, bytes]]:
    """Stream the steps, with a checkpoint after every n-th; return the alerts."""
    day, alerts = 20, []
    for number, (kind, places, what) in enumerate(steps):
        day += places if kind == "kwh" else 0
        noon = MONDAY + timedelta(days=day + 1, hours=2, minutes=number)
        if kind == "kwh":
            feed.send(reading(day, float(what), published_at=noon))  # type: ignore[arg-type]  # drawn so
        elif kind == "case":
            status = "closed" if what == "closed" else "open"
            named = "bankruptcy" if what == "bankruptcy" else "enforcement"
            feed.send(case(0, named, event_time=noon, published_at=noon, status=status, source_id=str(number)))
        elif kind == "late":
            feed.send(reading(max(day - places, 0), float(what), revision=number + 1, published_at=noon))  # type: ignore[arg-type]
        else:
            feed.raw("signals.tax", b"\xff", millis(noon))
        if every and number % every == 0:
            alerts += feed.shard.take().outputs.get("alerts", [])
    return alerts + feed.shard.take().outputs.get("alerts", [])


@settings(max_examples=60, deadline=None)
@given(_steps, _steps)
def test_a_restored_shard_goes_on_as_if_nothing_had_happened(
    before: list[tuple[str, int, object]], after: list[tuple[str, int, object]]
) -> None:
    lived = running(20)
    play(lived, before)
    survivor = Feed(Shard(0, rules()))
    survivor.offsets = dict(lived.offsets)
    for key, value in lived.shard.states().items():
        survivor.shard.restore(key, value)
    survivor.shard.restored()
    assert play(survivor, after) == play(lived, after)
    assert survivor.shard.states() == lived.shard.states()


def test_a_program_with_another_cycle_takes_up_the_state_of_one_without() -> None:
    lived, restored = running(20), Shard(0, rules())
    states = lived.shard.states()
    group = unpack_group(states[GROUP])
    first, *_ = (name for name in group["next"] if name.startswith("month"))
    del group["next"][first]
    for key, value in (states | {GROUP: pack_group(group)}).items():
        restored.restore(key, value)
    restored.restored()
    assert restored.engine.next == lived.shard.engine.next


@pytest.mark.parametrize("kwh", [-0.0, 5e-324, -7.5, 1e15])
def test_a_single_quarter_hour_is_restored_bit_for_bit(kwh: float) -> None:
    lived, restored = Feed(Shard(0, rules())), Feed(Shard(0, rules()))
    lived.send(quarter(0, 0, kwh))
    for key, value in lived.shard.states().items():
        restored.shard.restore(key, value)
    restored.shard.restored()
    for feed in (lived, restored):
        feed.shard.take()
        feed.until(2)
    assert lived.shard.take() == restored.shard.take()


@settings(max_examples=60, deadline=None)
@given(_steps, st.integers(1, 5))
def test_dirty_records_alone_restore_the_state(steps: list[tuple[str, int, object]], every: int) -> None:
    """The last record of each key, of all checkpoints, is the state: nothing changed without being written."""
    feed = Feed(Shard(0, rules()))
    whole: list[tuple[bytes, bytes | None]] = []
    original = feed.shard.take

    def logged() -> object:
        taken = original()
        whole.extend(taken.states)
        return taken

    feed.shard.take = logged  # type: ignore[method-assign,assignment]  # looks over the shoulder of every checkpoint
    feed.send(*(reading(day, 1000.0) for day in range(20)))
    play(feed, steps, every)
    feed.shard.tick(feed.shard.engine.now + 86_400_000)  # the open days close, so that their records are deleted
    logged()
    newest = {key: place for place, (key, _) in enumerate(whole)}
    compacted = [(key, value) for place, (key, value) in enumerate(whole) if newest[key] == place]
    for log in (whole, compacted):  # as the log is before and after compaction, deletions included
        restored = Shard(0, rules())
        for key, value in log:
            restored.restore(key, value)
        restored.restored()
        assert restored.states() == feed.shard.states()


@settings(max_examples=60, deadline=None)
@given(_steps)
def test_the_journal_replays_to_the_same_bytes(steps: list[tuple[str, int, object]]) -> None:
    feed = Feed(Shard(0, rules()))
    feed.send(*(reading(day, 1000.0) for day in range(20)))
    alerts = play(feed, steps, 3)
    del alerts
    live = Feed(Shard(0, rules()))
    live.send(*(reading(day, 1000.0) for day in range(20)))
    checkpoints = []
    for topic, record in feed.log[20:]:
        live.shard.tick(record.time)
        live.shard.apply(topic, record.offset, record.offset + 1, [record])
        if record.offset % 3 == 0:
            checkpoints.append(live.shard.take())
    checkpoints.append(live.shard.take())
    replayed, by_place = Shard(0, rules()), {(topic, record.offset): record for topic, record in feed.log}
    for checkpoint in checkpoints:
        ((_, raw),) = checkpoint.outputs["journal"]
        for entry in json.loads(raw)["entries"]:
            if entry[0] == "tick":
                replayed.tick(*entry[1:])
            else:
                _, topic, first, end, _ = entry
                replayed.apply(topic, first, end, [by_place[topic, offset] for offset in range(first, end)])
        assert replayed.take() == checkpoint
    assert replayed.states() == live.shard.states()


@settings(max_examples=40, deadline=None)
@given(_steps, st.lists(st.integers(0, 90 * 24 * 60), max_size=12))
def test_how_often_the_clock_ticks_does_not_matter(steps: list[tuple[str, int, object]], minutes: list[int]) -> None:
    one, other = running(20), running(20)
    for feed in (one, other):
        play(feed, steps)
    end = one.shard.engine.now + 100 * 86_400_000
    for minute in sorted(minutes):
        one.shard.tick(min(one.shard.engine.now + minute * 60_000, end))
    one.shard.tick(end)
    other.shard.tick(end)
    assert one.shard.engine.next == other.shard.engine.next
    drop = b"\0offsets"
    assert {k: v for k, v in one.shard.states().items() if k != drop} == {
        k: v for k, v in other.shard.states().items() if k != drop
    }
    mine, theirs = one.shard.take().outputs, other.shard.take().outputs
    assert {t: rows for t, rows in mine.items() if t != "journal"} == {
        t: rows for t, rows in theirs.items() if t != "journal"
    }


def corrected(day: int, **payload: str) -> Signal:
    """The second version of a court record of day 2, made known on another day."""
    record = case(2, "bankruptcy", source_id="report-1", revision=1)
    known = MONDAY + timedelta(days=day, hours=12)
    return record.model_copy(update={"payload": {**(record.payload or {}), **payload}, "published_at": known})


def court() -> Feed:
    """A feed with the real judge of cases, after a bankruptcy of day 2."""
    feed = Feed(Shard(0, rules(Cases(default().litigation))))
    feed.send(case(2, "bankruptcy", source_id="report-1"))
    (alert,) = feed.taken()
    assert alert.level == "red"
    return feed


@pytest.mark.parametrize("payload", [{"role": "plaintiff"}, {"kind": "filing"}])
def test_a_corrected_record_takes_its_alert_back_at_once(payload: dict[str, str]) -> None:
    feed = court()
    feed.send(corrected(3, **payload))
    (retracted,) = feed.taken()
    assert (retracted.transition, retracted.level) == ("retracted", "none")
    (held,) = feed.shard.engine.enterprises[FACTORY].evidence
    assert held.floor == 0


def test_a_record_that_was_of_another_case_is_withdrawn_from_the_first() -> None:
    feed = court()
    feed.send(corrected(3, case_no="(2025)闽01破7号"))
    (held,) = feed.shard.engine.enterprises[FACTORY].evidence
    assert "破7" in held.subject
    taken = feed.shard.take()
    findings = [Finding.model_validate_json(value) for _, value in taken.outputs["findings"]]
    assert [(one.state, "破7" in one.subject) for one in findings] == [("withdrawn", False), ("raised", True)]
    assert "alerts" not in taken.outputs  # it is bankrupt in the one case as in the other


def test_a_correction_leaves_what_other_reports_say_of_the_case() -> None:
    feed = court()
    feed.send(case(2, "enforcement", source_id="report-2"))
    feed.send(corrected(3, kind="filing"))
    (held,) = feed.shard.engine.enterprises[FACTORY].evidence
    assert held.reason == "litigation.enforcement"


def test_a_later_version_that_closes_a_record_is_an_ending_and_no_error() -> None:
    feed = court()
    feed.send(corrected(3, status="closed"))
    assert not feed.taken()  # the level waits for its time
    (held,) = feed.shard.engine.enterprises[FACTORY].evidence
    assert held.closed


def test_the_board_reads_how_long_a_stop_has_lasted_by_now() -> None:
    config = default()
    feed = Feed(Shard(0, rules(Collapse(config.electricity, config.stops))))
    feed.send(*(reading(day, 1000.0) for day in range(40)), *(reading(day, 0.0) for day in range(40, 60)))
    feed.until(60)
    findings = [Finding.model_validate_json(value) for _, value in feed.shard.take().outputs["findings"]]
    assert len({finding.finding_id for finding in findings}) == 1
    assert "20" in findings[-1].text_zh
    assert "20" in findings[-1].text_en
