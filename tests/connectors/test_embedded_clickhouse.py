"""The embedded ClickHouse, as its clients see it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import lz4.frame  # type: ignore[import-untyped]
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import zstandard
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, StreamFailureError
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from connectors.embedded import ClickHouseServer, ServerError, free_port

pytestmark = pytest.mark.stack

COLUMNS = {
    "id": "UInt64",
    "name": "LowCardinality(String)",
    "at": "DateTime64(3, 'UTC')",
    "day": "Date",
    "score": "Float64",
    "maybe": "Nullable(Int32)",
    "tags": "Array(String)",
    "extra": "Map(String, String)",
}
TABLE = f"CREATE TABLE probe.t ({', '.join(map(' '.join, COLUMNS.items()))}) ENGINE MergeTree ORDER BY id"


def row(i: int) -> list[Any]:
    at = datetime(2026, 1, 1, 0, 0, i % 60, tzinfo=UTC)
    return [i, f"企业{i % 7}", at, date(2026, 1, 1), i / 3, None if i % 2 else i, ["a", "风险"], {"k": str(i)}]


def connect(server: ClickHouseServer, **options: Any) -> Client:
    who = {"username": server.user, "password": server.password, "tz_mode": "aware"}
    return clickhouse_connect.get_client(dsn=server.url, **(who | options))


def logged_in(server: ClickHouseServer, user: str, password: str) -> httpx.Client:
    return httpx.Client(base_url=server.url, auth=(user, password), trust_env=False, timeout=30)


@pytest.fixture
def client(clickhouse: ClickHouseServer) -> Iterator[Client]:
    client = connect(clickhouse)
    client.command("DROP DATABASE IF EXISTS probe")
    client.command("CREATE DATABASE probe")
    yield client
    client.command("DROP DATABASE probe")
    client.close()


@pytest.fixture
def http(clickhouse: ClickHouseServer) -> Iterator[httpx.Client]:
    with logged_in(clickhouse, clickhouse.user, clickhouse.password) as http:
        yield http


@pytest.fixture
def reader(clickhouse: ClickHouseServer) -> Iterator[httpx.Client]:
    with logged_in(clickhouse, "reader", clickhouse.reader_password) as http:
        yield http


@pytest.mark.parametrize("compression", [False, "lz4", "zstd", "gzip"])
def test_every_row_of_a_large_insert_arrives(
    clickhouse: ClickHouseServer, client: Client, compression: bool | str
) -> None:
    client.command(TABLE)
    other = connect(clickhouse, compress=compression)
    rows = [row(i) for i in range(40_000)]
    assert other.insert("probe.t", rows, column_names=list(COLUMNS)).written_rows == len(rows)
    assert other.query("SELECT count(), sum(id) FROM probe.t").result_rows == [(40_000, sum(range(40_000)))]
    assert [list(r) for r in other.query("SELECT * FROM probe.t WHERE id < 3 ORDER BY id").result_rows] == rows[:3]
    other.close()


def test_written_rows_are_told_on_every_way_in(client: Client, http: httpx.Client) -> None:
    client.command("CREATE TABLE probe.t (id UInt64, format String) ENGINE MergeTree ORDER BY id")

    def written(query: str, content: str | bytes = b"") -> str:
        answer = http.post("/", params={"query": query} if query else {}, content=content)
        assert answer.status_code == 200, answer.text
        return str(json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"])

    assert written("INSERT INTO probe.t (id, format) VALUES (1, 'FORMAT TSV'), (2, 'b')") == "2"
    assert written("INSERT INTO probe.t (id, format) VALUES", "(3, 'c')") == "1"
    assert written("INSERT INTO probe.t SELECT number + 10, 'n' FROM numbers(50)") == "50"
    assert written("INSERT INTO probe.t FORMAT JSONEachRow", '{"id":4,"format":"企业"}\n{"id":5}') == "2"
    assert written("", 'INSERT INTO probe.t (id) FORMAT JSONEachRow\n{"id":6}') == "1"
    assert written("INSERT INTO probe.t FORMAT CSV", "7,seven\n8,eight\n9,nine\n") == "3"
    table = pa.table({"id": pa.array(range(100, 1_000_0), pa.uint64())})
    assert client.insert_arrow("probe.t", table).written_rows == table.num_rows
    assert client.query("SELECT count() FROM probe.t").result_rows == [(59 + table.num_rows,)]
    assert client.query("SELECT format FROM probe.t WHERE id = 4").result_rows == [("企业",)]


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("lz4", lz4.frame.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
    ],
)
def test_all_frames_of_a_body_are_read_and_a_damaged_body_is_refused(
    client: Client, http: httpx.Client, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    client.command("CREATE TABLE probe.t (id UInt64) ENGINE MergeTree ORDER BY id")
    url, headers = {"query": "INSERT INTO probe.t FORMAT TSV"}, {"Content-Encoding": encoding}
    frames = b"".join(
        compress(b"".join(b"%d\n" % i for i in range(start, start + 1_000))) for start in (0, 1_000, 2_000)
    )
    assert http.post("/", params=url, headers=headers, content=frames).status_code == 200
    assert client.query("SELECT count() FROM probe.t").result_rows == [(3_000,)]
    cut = http.post("/", params=url, headers=headers, content=frames[:-20])
    noise = http.post("/", params=url, headers=headers, content=b"\x00noise" * 50)
    assert (cut.status_code, noise.status_code) == (400, 400)
    assert client.query("SELECT count() FROM probe.t").result_rows == [(3_000,)]


def test_unknown_encodings_are_refused(http: httpx.Client) -> None:
    url = {"query": "INSERT INTO probe.nothing FORMAT TSV"}
    unknown = http.post("/", params=url, headers={"Content-Encoding": "br"}, content=b"x")
    assert (unknown.status_code, unknown.headers["X-ClickHouse-Exception-Code"]) == (400, "89")


def test_bound_parameters_come_back_as_they_were_sent(client: Client) -> None:
    awkward = "tab\there 'quote' \"double\" back\\slash\nline 风险 {x:String} ; DROP"
    query = "SELECT {text:String}, {number:Int64}, {list:Array(String)}, {at:DateTime64(3)}"
    at = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    bound = {"text": awkward, "number": -5, "list": ["a'b", "c"], "at": at}
    found = client.query(query, parameters=bound).result_rows[0]
    assert list(found[:3]) == [awkward, -5, ["a'b", "c"]]
    assert client.query("SELECT %(text)s", parameters={"text": awkward}).result_rows == [(awkward,)]


def test_bound_parameters_in_a_form(clickhouse: ClickHouseServer) -> None:
    client = connect(clickhouse, form_encode_query_params=True)
    assert client.query("SELECT {text:String}", parameters={"text": "风险"}).result_rows == [("风险",)]
    client.close()


def test_a_form_that_is_not_utf8_is_refused(http: httpx.Client) -> None:
    answer = http.post("/", files={"query": (None, b"SELECT 1"), "param_x": (None, b"\xff")})
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "36")


def test_a_large_result_is_streamed(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(1_000_000)") as blocks:
        sizes = [len(block) for block in blocks]
    assert sum(sizes) == 1_000_000
    assert len(sizes) > 5
    with client.raw_stream("SELECT number FROM numbers(300_000)", fmt="CSV") as stream:
        assert stream.read().count(b"\n") == 300_000
    assert client.query_arrow("SELECT number FROM numbers(1000)").num_rows == 1_000


def test_results_of_every_shape(client: Client, http: httpx.Client) -> None:
    assert client.query("SELECT number FROM numbers(10) WHERE number > 99").result_rows == []
    assert http.post("/", content="SELECT 1 AS a FORMAT JSONEachRow").json() == {"a": 1}
    assert http.post("/", content="SELECT 1 AS a -- no format\n").text == "1\n"
    assert http.post("/", content="SELECT 1 AS a", params={"default_format": "CSVWithNames"}).text == '"a"\n1\n'
    assert http.post("/", content="SELECT 1 AS a FORMAT JSON").json()["data"] == [{"a": 1}]
    assert http.get("/ping").text == http.get("/").text == "Ok.\n"
    answer = http.post("/", params={"query_id": "mine"}, content="SELECT 1")
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"


def test_an_early_error_has_its_status_and_code(client: Client, http: httpx.Client) -> None:
    missing = http.post("/", content="SELECT * FROM probe.missing")
    assert (missing.status_code, missing.headers["X-ClickHouse-Exception-Code"]) == (404, "60")
    syntax = http.post("/", content="SELEC 1")
    assert (syntax.status_code, syntax.headers["X-ClickHouse-Exception-Code"]) == (400, "62")
    nowhere = http.post("/", params={"database": "nowhere"}, content="SELECT 1")
    assert (nowhere.status_code, nowhere.headers["X-ClickHouse-Exception-Code"]) == (404, "81")
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        client.query("SELECT * FROM probe.missing")
    client.command("CREATE TABLE probe.t (id UInt64) ENGINE MergeTree ORDER BY id")
    with pytest.raises(DatabaseError, match=r"Code: \d+"):
        client.raw_insert("probe.t", insert_block="not a number\n", fmt="TSV")


def test_an_insert_that_could_not_be_stored_is_told(client: Client, http: httpx.Client) -> None:
    """As on a full disk: the rows can be read, and fail only when they are put down."""
    client.command(
        "CREATE TABLE probe.t (id UInt64) ENGINE MergeTree ORDER BY id "
        f"SETTINGS min_free_disk_bytes_to_perform_insert = {10**18}"
    )
    rows = pa.table({"id": pa.array([1, 2, 3], pa.uint64())})
    with pytest.raises(DatabaseError, match="NOT_ENOUGH_SPACE"):
        client.insert_arrow("probe.t", rows)
    client.command("ALTER TABLE probe.t RESET SETTING min_free_disk_bytes_to_perform_insert")
    assert client.insert_arrow("probe.t", rows).written_rows == 3
    more = http.post("/", params={"query": "INSERT INTO probe.t SETTINGS max_threads = 1 FORMAT CSV"}, content="4\n5\n")
    assert more.is_success, more.text
    assert client.query("SELECT count() FROM probe.t").result_rows == [(5,)]


def test_a_late_error_reaches_the_client(client: Client) -> None:
    failing = "SELECT throwIf(number = 900000, 'too late') FROM numbers(1000000)"
    few = {"max_block_size": 10_000}
    with (
        pytest.raises((ClickHouseError, StreamFailureError), match="too late"),
        client.query_row_block_stream(failing, settings=few) as blocks,
    ):
        assert sum(len(block) for block in blocks) == 0, "the stream must not end as if all were well"
    assert client.query("SELECT 1").result_rows == [(1,)]


def test_hanging_up_ends_the_query(http: httpx.Client) -> None:
    endless = "SELECT number FROM system.numbers FORMAT TSV"
    for _ in range(15):  # more than there are threads: each must be free again
        with http.stream("POST", "/", content=endless) as answer:
            assert next(answer.iter_bytes())
    assert http.post("/", content="SELECT 1").text == "1\n"


def test_a_session_keeps_settings_and_temporary_tables_and_expires(http: httpx.Client) -> None:
    def ask(sql: str, **url: str) -> httpx.Response:
        return http.post("/", params={"session_id": "s1", "session_timeout": "1", **url}, content=sql)

    assert ask("CREATE TEMPORARY TABLE kept (a Int32)").status_code == 200
    assert ask("INSERT INTO kept VALUES (5)").status_code == 200
    assert ask("SELECT a FROM kept").text == "5\n"
    assert http.post("/", params={"session_id": "s2"}, content="SELECT a FROM kept").status_code == 404
    Retrying(stop=stop_after_delay(10), wait=wait_fixed(1.5), retry=retry_if_result(lambda status: status != 404))(
        lambda: ask("SELECT 1", session_check="1").status_code
    )
    assert ask("SELECT a FROM kept").headers["X-ClickHouse-Exception-Code"] == "60"
    ask("SELECT 1", close_session="1")
    assert ask("SELECT 1", session_check="1").headers["X-ClickHouse-Exception-Code"] == "372"


def test_a_session_serves_one_request_at_a_time(http: httpx.Client) -> None:
    url = {"session_id": "busy"}
    with http.stream("POST", "/", params=url, content="SELECT number FROM system.numbers FORMAT TSV") as running:
        pieces = running.iter_bytes()
        assert next(pieces)
        locked = http.post("/", params=url, content="SELECT 1")
        assert (locked.status_code, locked.headers["X-ClickHouse-Exception-Code"]) == (423, "373")


def test_settings_hold_for_one_request(http: httpx.Client) -> None:
    asking = "SELECT getSetting('max_block_size')"
    default = http.post("/", content=asking).text
    assert http.post("/", params={"max_block_size": "77"}, content=asking).text == "77\n"
    http.post("/", content="SET max_block_size = 78")
    assert http.post("/", content=asking).text == default
    refused = http.post("/", params={"no_such_setting": "1"}, content=asking)
    assert refused.status_code >= 400
    assert "no_such_setting" in refused.text


@pytest.mark.parametrize(
    ("user", "password"), [("default", "wrong"), ("default", ""), ("nobody", "writer-of-tests"), ("reader", "")]
)
def test_without_the_right_password_nothing_is_answered(clickhouse: ClickHouseServer, user: str, password: str) -> None:
    headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}
    with httpx.Client(base_url=clickhouse.url, trust_env=False) as http:
        for answer in (
            http.post("/", content="SELECT 1", auth=(user, password)),
            http.post("/", content="SELECT 1", headers=headers),
            http.post("/", content="SELECT 1", params={"user": user, "password": password}),
            http.post("/", content="SELECT 1", headers={"Authorization": "Basic !!!"}),
            http.post("/", content="SELECT 1", headers={b"X-ClickHouse-User": b"\xff"}),
            http.post("/", content="SELECT 1"),
        ):
            assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (401, "516")
            assert clickhouse.password not in answer.text


@pytest.fixture(scope="module")
def kept(clickhouse: ClickHouseServer) -> Iterator[Client]:
    """What a reader may read and must not change."""
    client = connect(clickhouse)
    client.command("CREATE DATABASE kept")
    client.command("CREATE TABLE kept.t (id UInt64, note String) ENGINE MergeTree ORDER BY id")
    client.command("CREATE VIEW kept.v AS SELECT id FROM kept.t")
    client.command("INSERT INTO kept.t VALUES (1, 'x')")
    yield client
    client.command("DROP DATABASE kept")
    client.close()


QUERIES = [
    "SELECT 1",
    "  (SELECT 1) UNION ALL (SELECT 2)",
    "-- why\nWITH x AS (SELECT id FROM kept.t) SELECT count() FROM x WHERE id IN (SELECT id FROM kept.t)",
    "SELECT count() AS `开/关`, 'a/b' FROM kept.t ORDER BY 1",
    "SELECT * FROM kept.v FORMAT JSONEachRow",
    "SELECT id FROM kept.t WHERE note = 'x; DROP TABLE kept.t' SETTINGS max_threads = 1",
    "SHOW TABLES FROM kept",
    "DESCRIBE TABLE kept.t",
    "EXISTS TABLE kept.t",
    "EXPLAIN SELECT * FROM kept.t",
    "SELECT number FROM numbers(3)",
    "SELECT arrayMap(x -> upper(x), ['a']), COLUMNS('note') APPLY(upper) FROM kept.t",
    "SHOW TABLES FROM kept WHERE name != 'file(1)'",
    "SELECT 1 AS url, 'a/b c' AS merge",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_a_reader_queries(kept: Client, reader: httpx.Client, sql: str) -> None:
    answer = reader.post("/", content=sql)
    assert answer.status_code == 200, answer.text


ATTACKS = [
    "INSERT INTO kept.t VALUES (2, '')",
    "INSERT INTO kept.t FORMAT TSV\n3\tx\n",
    "DROP TABLE kept.t",
    "CREATE TABLE kept.u (a Int8) ENGINE Memory",
    "ALTER TABLE kept.t DELETE WHERE 1",
    "TRUNCATE TABLE kept.t",
    "SYSTEM SHUTDOWN",
    "SET readonly = 0",
    "KILL QUERY WHERE 1",
    "SELECT 1; DROP TABLE kept.t",
    "EXPLAIN AST SELECT 1; DROP TABLE kept.t",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT file('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM/**/`file`('/etc/passwd', 'LineAsString')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM `/etc/passwd`",
    "SELECT * FROM default.`/etc/passwd`",
    "SELECT 'x' IN `/etc/passwd`",
    "WITH t AS (SELECT * FROM `/etc/passwd`) SELECT * FROM t",
    "DESCRIBE TABLE `/etc/passwd`",
    "DESCRIBE TABLE file('/etc/passwd')",
    "SHOW CREATE TABLE `/etc/passwd`",
    "EXPLAIN SELECT * FROM file('/etc/passwd')",
    "SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a String')",
    "SELECT * FROM `http://127.0.0.1:1/x.csv`",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM executable('id', TSV, 'a String')",
    "SELECT * FROM Python(x)",
    "SELECT hasColumnInTable('default', '/etc/passwd', 'c1')",
    "SELECT 1 INTO OUTFILE 'stolen.csv'",
    "SELECT 1 INTO/**/OUTFILE 'stolen.csv' FORMAT CSV",
    "EXPLAIN SELECT 1 INTO OUTFILE 'stolen.csv'",
    "SELECT 1 FORMAT Template SETTINGS format_template_resultset = '/etc/passwd'",
    "SELECT 1 SETTINGS additional_result_filter = 'file(\\'/etc/passwd\\') != \\'\\''",
    "SELECT * FROM view(SELECT file('/etc/passwd'))",
    "SELECT sleep(3)",
    # What the syntax tree does not show, or shows so that a pattern reads it wrongly.
    "SELECT * APPLY(file) FROM (SELECT '/etc/passwd' AS name)",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT '/etc/passwd' AS name)",
    "SELECT arrayMap(file, ['/etc/passwd'])",
    "SHOW TABLES WHERE throwIf(1, file('/etc/passwd'))",
    "SHOW COLUMNS FROM kept.t WHERE throwIf(1, file('/etc/passwd'))",
    "SHOW TABLES WHERE 1 IN (SELECT count() FROM url('http://127.0.0.1:1/', CSV, 'a String'))",
    "SELECT * FROM `x (alias /../../../../../../../../../../../../etc/passwd` AS y",
    "SELECT * FROM `\n/../../../../../../../../../../../../etc/passwd`",
    "SELECT 1 AS a SETTINGS output_format = 'Protobuf', output_format_schema = 'stolen.csv'",
    "SELECT 1 AS a SETTINGS filter = 'throwIf(1, file(\\'/etc/passwd\\'))'",
    "SELECT a FROM (SELECT 1 AS a SETTINGS max_threads = 1, select = 'file(\\'/etc/passwd\\') AS a')",
]


@pytest.mark.parametrize("sql", ATTACKS)
def test_a_reader_does_nothing_else(
    kept: Client, http: httpx.Client, reader: httpx.Client, sql: str, clickhouse: ClickHouseServer
) -> None:
    for answer in (
        reader.post("/", content=sql),
        reader.post("/", params={"query": sql, "session_id": "r"}),
        reader.get("/", params={"query": sql}),
        http.get("/", params={"query": sql}),  # by ClickHouse's rule GET only reads, whoever asks
    ):
        assert 400 <= answer.status_code < 500, answer.text
        assert "root:" not in answer.text
    assert kept.query("SELECT count() FROM kept.t").result_rows == [(1,)]
    assert not list(clickhouse.data_dir.rglob("stolen.csv"))


@pytest.mark.parametrize(
    "url",
    [
        {"readonly": "0"},
        {"additional_result_filter": "file('/etc/passwd') != ''"},
        {"param_table": "/etc/passwd"},
        {"default_format": "Template", "format_template_resultset": "/etc/passwd"},
        {"dialect": "kusto"},
        {"filter": "throwIf(1, file('/etc/passwd'))"},
        {"select": "file('/etc/passwd')"},
        {"format": "Protobuf", "output_format_schema": "stolen.csv"},
        {"default_format": "AvroConfluent", "format_avro_schema_registry_url": "http://127.0.0.1:1"},
    ],
)
def test_a_reader_cannot_get_round_by_the_url(reader: httpx.Client, url: dict[str, str]) -> None:
    sql = "SELECT * FROM {table:Identifier}" if "param_table" in url else "SELECT 1"
    answer = reader.post("/", params=url, content=sql)
    assert (answer.status_code, "root:" in answer.text) == (403, False)


def test_a_reader_cannot_name_a_function_by_a_parameter(reader: httpx.Client) -> None:
    sql = "SELECT arrayMap({f:Identifier}, ['/etc/passwd'])"
    assert reader.post("/", params={"param_f": "file"}, content=sql).status_code == 403
    assert reader.post("/", params={"param_f": "upper"}, content=sql).text == "['/ETC/PASSWD']\n"


@pytest.mark.parametrize("whole", ["0", "1"])
def test_a_reader_cannot_give_a_setting_an_expression_by_a_parameter(reader: httpx.Client, whole: str) -> None:
    url = {"param_f": "throwIf(1, file('/etc/passwd'))", "wait_end_of_query": whole}
    answer = reader.post("/", params=url, content="SELECT 1 AS a SETTINGS filter = {f:String}")
    assert (answer.status_code, "root:" in answer.text) == (403, False)


def test_grafanas_client_gets_the_greeting_it_expects(reader: httpx.Client) -> None:
    hello = "SELECT displayName(), version(), revision(), timezone()"
    answer = reader.post("/", params={"client_protocol_version": "54460", "default_format": "Native"}, content=hello)
    assert answer.content.startswith(b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01\x0ddisplayName()\x06String\x00\x04chdb")


def test_data_outlive_a_stop_and_a_kill_and_the_port_and_directory_are_guarded(tmp_path: Path) -> None:
    server = ClickHouseServer(tmp_path / "ch", free_port(), "secret")
    with server:
        client = connect(server)
        client.command("CREATE TABLE default.t (a Int32) ENGINE MergeTree ORDER BY a")
        client.command("INSERT INTO default.t VALUES (1)")
        with pytest.raises(ServerError, match=rf"127.0.0.1:{server.port}.*FOREWARN_CLICKHOUSE_PORT"):
            ClickHouseServer(tmp_path / "other", server.port, "secret").start()
        second = ClickHouseServer(server.data_dir, free_port(), "secret")
        with pytest.raises(ServerError, match="stopped while it started"), second:
            pass
    assert server.pid is None
    server.start()
    server.wait_ready()
    client.command("INSERT INTO default.t VALUES (2)")
    server.kill()
    with server:
        assert client.query("SELECT sum(a) FROM default.t").result_rows == [(3,)]
        client.close()
        assert "secret" not in Path(f"/proc/{server.pid}/cmdline").read_text()


def test_a_password_is_required(tmp_path: Path) -> None:
    server = ClickHouseServer(tmp_path, free_port(), "")
    with pytest.raises(ServerError, match="needs a password"), server:
        pass
