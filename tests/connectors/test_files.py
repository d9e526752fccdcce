"""The file source: what people have in files goes through, and a bad row costs only itself."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Item, Rejected, SourceConfigError
from connectors.files import FileSource, NdjsonWriter
from connectors.files import cells as cell
from connectors.models import Enterprise, Signal
from connectors.recordtime import order_key
from connectors.simulator import CitySource
from connectors.testing import check_source

ZONE = ZoneInfo("Asia/Shanghai")
CODE = "91350100M000100Y43"
LONG_HEADER = "enterprise_id,family,metric,value,unit,event_time,published_at,source_id,payload_json\n"
WIDE = "record_date,E1,E2,E3\n2015-01-01,385,52,96\n2015/1/2,475,,75\n"


def items(path: Path | list[Path], **options: Any) -> list[Item]:
    return list(chain.from_iterable(batch.items for batch in FileSource(path, **options).read()))


def signals(path: Path | list[Path], **options: Any) -> list[Signal]:
    return [item for item in items(path, **options) if isinstance(item, Signal)]


def rejected(path: Path | list[Path], **options: Any) -> list[Rejected]:
    return [item for item in items(path, **options) if isinstance(item, Rejected)]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_wide_electricity(tmp_path: Path) -> None:
    found = signals(write(tmp_path / "wide.csv", WIDE))
    assert [(s.enterprise_id, s.value) for s in found] == [
        ("E1", 385.0), ("E2", 52.0), ("E3", 96.0), ("E1", 475.0), ("E3", 75.0),
    ]  # fmt: skip
    assert found[0].event_time == datetime(2014, 12, 31, 16, tzinfo=UTC)
    assert {(s.metric, s.unit, s.published_at) for s in found} == {("daily_kwh", "kWh", None)}


def test_a_gzipped_file_is_known_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.csv", WIDE)
    packed = write(tmp_path / "packed.csv", gzip.compress(WIDE.encode()))
    assert signals(plain) == signals(packed)


def test_a_broken_gzip_keeps_what_could_be_unpacked_and_says_where_it_ends(tmp_path: Path) -> None:
    rows = "".join(f"2015-{1 + day // 28:02}-{1 + day % 28:02},{day * 7919 % 99991}\n" for day in range(300))
    packed = gzip.compress(f"record_date,E1\n{rows}".encode())
    found = items(write(tmp_path / "cut.csv.gz", packed[: len(packed) // 2]))
    assert isinstance(found[-1], Rejected) and found[-1].reason == "bad-gzip"
    assert len(found) > 10


def test_a_bad_cell_costs_itself_and_is_told_with_its_place_and_text(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.csv", "日期,E1,E2\n2015-01-01,abc,7\n2015-13-01,1,2\n2015-01-03,1e99,８\n")
    assert [(s.enterprise_id, s.value) for s in signals(path)] == [("E2", 7.0), ("E2", 8.0)]
    assert [(r.file, r.row, r.column, r.reason, r.text) for r in rejected(path)] == [
        ("wide.csv", 2, "E1", "bad-value", "abc"),
        ("wide.csv", 3, "日期", "bad-date", "2015-13-01,1,2"),
        ("wide.csv", 4, "E1", "out-of-range", "1e99"),
    ]


def test_a_bad_column_costs_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.csv", "date,E 1,E2,E2\n2015-01-01,1,2,3\n")
    assert [(s.enterprise_id, s.value) for s in signals(path)] == [("E2", 2.0)]
    assert [(r.row, r.column, r.reason) for r in rejected(path)] == [
        (1, "E 1", "bad-enterprise-id"), (1, "E2", "duplicate-column"),
    ]  # fmt: skip


def test_long_form_completes_family_and_unit_and_keeps_other_columns(tmp_path: Path) -> None:
    text = f'统一社会信用代码,指标,数值,日期,营业部\n{CODE},vat_sales,"1,234.50",2015年08月,南浦\n'
    [found] = signals(write(tmp_path / "tax.csv", text), name="tax-office")
    assert (found.family, found.unit, found.value) == ("tax", "CNY", 1234.5)
    assert found.event_time.astimezone(ZONE) == datetime(2015, 8, 1, tzinfo=ZONE)
    assert (found.source, found.attributes) == ("tax-office", {"营业部": "南浦"})


def test_long_form_takes_events(tmp_path: Path) -> None:
    payload = {"case_no": "（2025）1号", "kind": "filing", "role": "plaintiff", "status": "open"}
    quoted = json.dumps(payload, ensure_ascii=False).replace('"', '""')
    row = f'{CODE},,case,,,2025-09-01,2025-09-02 10:30,,"{quoted}"\n'
    [found] = signals(write(tmp_path / "court.csv", LONG_HEADER + row))
    assert (found.family, found.payload) == ("litigation", payload)
    assert found.published_at == datetime(2025, 9, 2, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (f"{CODE},tax,vat_sales,1,USD,2015-08-01,,,", "unit", "unknown-unit"),
        (f"{CODE},tax,daily_kwh,1,kWh,2015-08-01,,,", "metric", "unknown-metric"),
        (f"{CODE},weather,rain,1,mm,2015-08-01,,,", "family", "unknown-family"),
        (f"{CODE},,vat_sales,many,,2015-08-01,,,", "value", "bad-value"),
        (f"{CODE},,vat_sales,,,2015-08-01,,,", "value", "missing-field"),
        (f"{CODE},,vat_sales,1,,yesterday,,,", "event_time", "bad-date"),
        (f"{CODE},,vat_sales,1,,1815-08-01,,,", "event_time", "ancient-time"),
        (f"{CODE},,case,,,2015-08-01,,,{{oops", "payload_json", "bad-json"),
        (",,vat_sales,1,,2015-08-01,,,", "enterprise_id", "bad-value"),
        ("too,few,cells", "", "bad-csv"),
    ],
)
def test_a_bad_row_says_what_is_wrong(tmp_path: Path, row: str, column: str, reason: str) -> None:
    good = f"{CODE},tax,vat_sales,1,CNY,2015-08-01,,,\n"
    path = write(tmp_path / "long.csv", f"{LONG_HEADER}{row}\n{good}")
    [bad] = rejected(path, format="long")
    assert (bad.row, bad.column, bad.reason) == (2, column, reason)
    assert bad.text == row
    assert bad.detail
    assert len(signals(path)) == 1


def test_an_unknown_metric_without_a_family_is_called_that(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "enterprise_id,metric,value,event_time\nE1,daily_kw,3,2025-01-01\n")
    [row] = rejected(file)
    assert (row.column, row.reason) == ("metric", "unknown-metric")
    assert row.detail.startswith("unknown metric 'daily_kw'; known: ")
    assert "daily_kwh" in row.detail


def test_an_open_quotation_mark_costs_one_line(tmp_path: Path) -> None:
    good = [f"{CODE},tax,vat_sales,{number},CNY,2015-08-01,,{number},\n" for number in range(50)]
    path = write(tmp_path / "long.csv", LONG_HEADER + good[0] + f'"{CODE},tax,vat_sales,1,CNY\n' + "".join(good[1:]))
    assert [s.value for s in signals(path)] == [float(number) for number in range(50)]
    assert [(r.row, r.reason) for r in rejected(path)] == [(3, "bad-csv")]


def test_a_line_break_within_quotes_is_part_of_the_cell(tmp_path: Path) -> None:
    path = write(
        tmp_path / "long.csv", f'enterprise_id,metric,event_time,value,note\n{CODE},vat_sales,2015-08,1,"a\nb"\n'
    )
    [found] = signals(path)
    assert found.attributes == {"note": "a\nb"}


def test_chinese_encodings(tmp_path: Path) -> None:
    text = f"统一社会信用代码,指标,数值,日期,营业部\n{CODE},vat_sales,１２３,2015年8月1日,龘{chr(0x200B)}区\n"
    files = [write(tmp_path / name, text.encode(name)) for name in ("utf-8", "utf-8-sig", "gb18030")]
    found = [signals(path)[0] for path in files]
    assert found[0] == found[1] == found[2]
    assert found[0].value == 123.0
    assert found[0].attributes == {"营业部": "龘区"}
    assert signals(files[2], encoding="gb18030", format="long") == found[2:]


def test_one_broken_line_does_not_change_the_encoding_of_the_others(tmp_path: Path) -> None:
    rows = [f"{CODE},vat_sales,{n},2015-08-01,营业部{n}\n".encode() for n in range(20)]
    rows[7] = b"\xff\xfe" + rows[7]
    path = write(tmp_path / "mixed.csv", "enterprise_id,metric,value,event_time,备注\n".encode() + b"".join(rows))
    assert len(signals(path)) == 19
    assert [(r.row, r.reason) for r in rejected(path)] == [(9, "bad-encoding")]


def test_the_registry(tmp_path: Path) -> None:
    text = (
        "统一社会信用代码,企业名称,行业,地区代码,规模,关联企业\n"
        f"{CODE},青澜宏远机械有限公司|宏远机械,C34,990101,小型,investor:E9:0.51；guarantor:E8\n"
        "E2,,C34,990101,small,\n"
    )
    path = write(tmp_path / "registry.csv", text)
    [entry, bad] = items(path, known_since=datetime(2015, 1, 1, tzinfo=ZONE))
    assert isinstance(entry, Enterprise) and isinstance(bad, Rejected)
    assert entry.names == ["青澜宏远机械有限公司", "宏远机械"]
    assert (entry.size, entry.region) == ("small", "990101")
    assert [(r.kind, r.enterprise_id, r.share) for r in entry.relations] == [
        ("investor", "E9", 0.51), ("guarantor", "E8", None),
    ]  # fmt: skip
    assert entry.published_at == datetime(2014, 12, 31, 16, tzinfo=UTC)
    assert (bad.row, bad.column) == (3, "企业名称")


def test_a_simulated_stack_must_know_when_an_entry_was_known(tmp_path: Path) -> None:
    path = write(tmp_path / "registry.csv", f"enterprise_id,names\n{CODE},A\n")
    [bad] = rejected(path, ordered=True)
    assert bad.reason == "no-record-time" and "--known-since" in bad.detail
    assert not rejected(path, ordered=True, known_since=datetime(2015, 1, 1, tzinfo=ZONE))


def test_ids_depend_on_the_observation_alone(tmp_path: Path) -> None:
    first = signals(write(tmp_path / "a.csv", WIDE))
    second = signals(write(tmp_path / "b.csv", "date,E3,E1\n20150101,96,385\n"))
    long = signals(write(tmp_path / "c.csv", "enterprise_id,metric,value,event_time\nE1,daily_kwh,999,2015-01-01\n"))
    ids = {(s.enterprise_id, s.event_time): s.source_id for s in first}
    assert all(ids[s.enterprise_id, s.event_time] == s.source_id for s in (*second, *long))
    assert len(set(ids.values())) == len(first)


def test_corrections_carry_the_revision_that_they_are_given(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", WIDE)
    assert {s.revision for s in signals(path)} == {0}
    assert {s.revision for s in signals(path, revision=2)} == {2}


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    city = CitySource(enterprises=15, days=4, history_months=1)
    sent = [item for batch in city.read() for item in batch.items if not isinstance(item, Rejected)]
    for name in ("city.ndjson", "city.ndjson.gz"):
        with NdjsonWriter(tmp_path / name) as writer:
            for message in sent:
                writer.send(message)
        assert items(tmp_path / name) == sent
        assert items(tmp_path / name, ordered=True) == sent


def test_a_file_that_was_not_finished_does_not_appear(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), NdjsonWriter(tmp_path / "city.ndjson"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_files_in_disorder_are_put_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.files.ordering._IN_MEMORY", 7)
    days = [f"2015-01-{day:02}" for day in (5, 3, 9, 1, 2, 8)]
    wide = write(tmp_path / "wide.csv", "date,E1,E2\n" + "".join(f"{day},1,x\n" for day in days))
    long = write(
        tmp_path / "long.csv",
        "enterprise_id,metric,value,event_time\n" + "".join(f"E{n},daily_kwh,{n},{days[n % 6]}\n" for n in range(40)),
    )
    found = signals([wide, long], ordered=True)
    keys = [order_key(signal, ZONE) for signal in found]
    assert keys == sorted(keys)
    assert sorted(s.wire() for s in found) == sorted(s.wire() for s in signals([wide, long]))
    assert len(rejected([wide, long], ordered=True)) == 6


@pytest.mark.parametrize("ordered", [False, True])
def test_it_is_a_source_like_any_other(tmp_path: Path, ordered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.files.source._BATCH", 3)
    files = [
        write(tmp_path / "wide.csv", WIDE + "2015-01-03,1,2,x\n2014-12-30,4,4,4\n"),
        write(tmp_path / "registry.csv", f"enterprise_id,names\n{CODE},A\n"),
        write(tmp_path / "long.csv", f"{LONG_HEADER}{CODE},,vat_sales,1,,2015-08-01,,,\n"),
    ]
    check_source(
        lambda: FileSource(files, ordered=ordered, known_since=datetime(2015, 1, 1, tzinfo=ZONE)), ordered=ordered
    )


def test_a_position_of_another_file_is_refused(tmp_path: Path) -> None:
    position = next(FileSource(write(tmp_path / "a.csv", WIDE)).read()).position
    with pytest.raises(SourceConfigError, match="--fresh"):
        next(FileSource(write(tmp_path / "a.csv", WIDE + "2015-01-03,1,2,3\n")).read(position))


def test_a_header_that_tells_nothing_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceConfigError, match="--format"):
        FileSource(write(tmp_path / "a.csv", "a,b\n1,2\n"))
    with pytest.raises(SourceConfigError, match="No such file"):
        FileSource(tmp_path / "missing.csv")
    with pytest.raises(SourceConfigError, match="source name"):
        FileSource(write(tmp_path / "b.csv", WIDE), name="bad name")


def test_a_column_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"enterprise_id,metric,value,event_time,数值\n{CODE},daily_kwh,1,2015-01-01,2\n")
    [bad] = rejected(path)
    assert (bad.row, bad.reason) == (1, "bad-header") and "value" in bad.detail


def test_a_line_without_end_is_refused_and_not_kept_in_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", b"{" + b"x" * 3_000_000 + b"\n{}\n")
    assert [(r.row, r.reason) for r in rejected(path)] == [(1, "oversized"), (2, "missing-field")]


LINES = st.one_of(
    st.binary(max_size=60),
    st.text(alphabet='",;\t\n\r１2年月日E{}[]:.-+ ￥' + chr(0x200B) + chr(0), max_size=60).map(str.encode),
    st.sampled_from([WIDE.encode(), LONG_HEADER.encode(), b"\xef\xbb\xbf", b"\x1f\x8b", b'{"names": 10e400}\n']),
)


@settings(max_examples=150, deadline=None)
@given(
    content=st.lists(LINES, max_size=8).map(b"".join),
    chosen=st.sampled_from(["wide-electricity", "long", "ndjson", "registry"]),
)
def test_arbitrary_bytes_never_crash(tmp_path_factory: pytest.TempPathFactory, content: bytes, chosen: Any) -> None:
    path = write(tmp_path_factory.getbasetemp() / "any.csv", content)
    for ordered in (False, True):
        check = list(FileSource(path, format=chosen, ordered=ordered).read())
        assert all(batch.items for batch in check)
    try:
        items(path)
    except SourceConfigError as error:
        assert "--format" in str(error)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.floats(-1e14, 1e14)), min_size=1, max_size=30))
def test_numbers_and_days_survive_the_long_form(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, float]]
) -> None:
    text = "".join(f"E{place},daily_kwh,{value!r},2015-01-{1 + day:02}\n" for place, (day, value) in enumerate(rows))
    path = write(tmp_path_factory.getbasetemp() / "long.csv", f"enterprise_id,metric,value,event_time\n{text}")
    found = [(s.event_time.astimezone(ZONE).day - 1, s.value) for s in signals(path)]
    assert found == rows


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_cells_are_read_or_refused(text: str) -> None:
    for parse in (cell.number, lambda t: cell.moment(t, ZONE)):
        try:
            parse(text)
        except ValueError as error:
            assert str(error)


@settings(max_examples=200, deadline=None)
@given(st.integers(631_300_000, 3_786_912_000).map(lambda second: datetime.fromtimestamp(second, ZONE)))
def test_dates_of_many_shapes_mean_the_same(when: datetime) -> None:
    day = datetime(when.year, when.month, when.day, tzinfo=ZONE).astimezone(UTC)
    for text in (f"{when:%Y-%m-%d}", f"{when.year}/{when.month}/{when.day}", f"{when:%Y%m%d}",
                 f"{when.year}年{when.month}月{when.day}日"):  # fmt: skip
        assert cell.moment(text, ZONE) == day
    exact = when
    assert cell.moment(f"{when:%Y-%m-%d %H:%M:%S}", ZONE) == exact.astimezone(UTC)
    assert cell.moment(exact.isoformat(), ZoneInfo("UTC")) == exact.astimezone(UTC)
    assert cell.moment(str(round(exact.timestamp() * 1000)).rjust(13, "0"), ZONE) == exact.astimezone(UTC)
