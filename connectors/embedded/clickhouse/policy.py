"""What a reader may do: query tables and views, nothing else.

``readonly`` alone does not say so: with it chDB still reads files (``file('/etc/passwd')``, ``SELECT * FROM
'/etc/passwd'``) and writes them (``INTO OUTFILE``). Patterns over the text as it comes are got round with backquotes
and comments, and the syntax tree that ``EXPLAIN AST`` prints leaves out what stands behind ``APPLY`` and ``SHOW …
WHERE``. So the engine's own parser writes the statement anew, exactly one, without comments and with quotation marks
only where they are needed; that text is run, and every name in it is looked at, wherever it stands. Limits of time and
memory come on top. A fence for colleagues and dashboards; strangers should meet a real server with grants.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from connectors.embedded.clickhouse.engine import Connection
from connectors.embedded.clickhouse.errors import ACCESS_DENIED, READONLY, DatabaseError
from connectors.embedded.clickhouse.statement import reads

#: What a reader gets unless it asks for other limits; ``readonly`` it cannot change.
READER_SETTINGS: Mapping[str, str] = {
    "max_execution_time": "60",
    "max_memory_usage": "4000000000",
    "readonly": "2",
}
#: Table functions that make rows from nothing or from what the statement holds.
_SAFE_TABLE_FUNCTIONS = frozenset(
    {"numbers", "numbers_mt", "zeros", "zeros_mt", "generate_series", "generateseries", "values", "view", "null"}
)
#: Functions beyond the table functions that reach outside, or tell what is outside.
_OUTSIDE = frozenset({"file", "hascolumnintable", "getmacro", "catboostevaluate", "sleep", "sleepeachrow"})
#: String, backquoted name, word, sign: what the engine's formatter writes is made of these.
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|`(?P<quoted>(?:[^`\\]|\\.)*)`|(?P<word>[^\W\d]\w*)|[^\s\w]", re.DOTALL)
_SETTINGS = re.compile(r"SETTINGS \w+ = ")
_IDENTIFIER_PARAMETER = re.compile(r"\{(\w+):\s*Identifier\}")
_PLAIN_NAME = re.compile(r"\w+(?:\.\w+)*")
#: Neither an expression, as ``filter`` and ``select`` take one, nor an address.
_PLAIN_VALUE = re.compile(r"[\w.,+/-]*")
#: Clauses and settings that write files, read them, or carry expressions past the syntax tree.
_DENIED_TEXT = re.compile(
    r"\bINTO OUTFILE\b|\bFORMAT (?:Template|Protobuf|CapnProto)"
    r"|\b(?:additional_table_filters|additional_result_filter|parallel_replicas_custom_key|format_schema|format_template"
    r"|output_format_schema|input_format_record_errors_file_path|implicit_table_at_top_level|dialect\s*=)",
    re.IGNORECASE,
)


class Denied(NamedTuple):
    """Functions that a reader must not use, in lower case.

    Parameters
    ----------
    called
        Those with arguments: table functions, too.
    named
        Those that a name alone passes on, as in ``arrayMap(file, …)`` and ``APPLY file``.
    """

    called: frozenset[str]
    named: frozenset[str]


def denied_functions(connection: Connection) -> Denied:
    """Return what a reader must not use: whatever this engine has that reaches outside, less what is safe."""
    tables = _names(connection, "SELECT lower(name) FROM system.table_functions")
    asking = _names(connection, "SELECT lower(name) FROM system.functions WHERE startsWith(lower(name), 'ai')")
    named = asking | _OUTSIDE
    return Denied(tables - _SAFE_TABLE_FUNCTIONS | named, named)


def _names(connection: Connection, sql: str) -> frozenset[str]:
    return frozenset(connection.query(sql, "TSVRaw").data.decode().split())


def allowed_settings(given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a reader's request with its limits.

    Raises
    ------
    DatabaseError
        If one of them would get round the policy.
    """
    for name, value in given.items():
        if name == "readonly" or _DENIED_TEXT.search(f"{name}=") or not _PLAIN_VALUE.fullmatch(value):
            raise DatabaseError(ACCESS_DENIED, f"A reader cannot set {name} so. (ACCESS_DENIED)")
    return {**READER_SETTINGS, **given, "readonly": READER_SETTINGS["readonly"]}


def checked(connection: Connection, sql: str, parameters: Mapping[str, str], output: str, denied: Denied) -> str:
    """Return the statement, written anew by the engine, if a reader may run it.

    Parameters
    ----------
    connection
        Asked to write the statement anew; nothing of it is run.
    sql, parameters, output
        The statement, what is bound to it, and the format of its result.
    denied
        See :func:`denied_functions`.

    Raises
    ------
    DatabaseError
        If the statement does not only query, is more than one, or reaches outside the database.
    """
    rewritten = connection.query(
        "SELECT formatQuerySingleLine({statement:String})", "TSVRaw", {"statement": _escaped(sql)}
    ).data.decode()  # before anything else, so that a misspelt SELECT is called a syntax error
    if not reads(sql):
        raise DatabaseError(READONLY, "Cannot execute query in readonly mode. (READONLY)")
    reason = _objection(rewritten, output, denied) or _objection_to_names(rewritten, parameters, denied)
    if reason is not None:
        raise DatabaseError(ACCESS_DENIED, f"Not enough privileges: the statement {reason}. (ACCESS_DENIED)")
    return rewritten


def _objection(statement: str, output: str, denied: Denied) -> str | None:
    if _DENIED_TEXT.search(f"{statement} FORMAT {output}"):
        return "writes or reads files, or sets what a reader cannot set"
    before, setting = "", False
    for token in _TOKEN.finditer(statement):
        text, quoted = token[0], token["quoted"]
        name = (token["word"] if quoted is None else quoted) or ""
        if name.lower() in (denied.called if statement.startswith("(", token.end()) else denied.named):
            return f"calls {name}"
        if quoted is not None and "/" in quoted and before != "AS":  # chDB takes such names for files and addresses
            return f"names {quoted}"
        setting = text != "SELECT" and (setting or _SETTINGS.match(statement, token.start()) is not None)
        if setting and (text == "{" or (text[0] == "'" and not _PLAIN_VALUE.fullmatch(text[1:-1]))):
            return "sets what a reader cannot set"
        before = text
    return None


def _objection_to_names(statement: str, parameters: Mapping[str, str], denied: Denied) -> str | None:
    """Look at the names that the statement gets as parameters."""
    for parameter in _IDENTIFIER_PARAMETER.findall(statement):
        name = parameters.get(parameter, "")
        if not _PLAIN_NAME.fullmatch(name) or name.lower() in denied.named:
            return f"names {name}"
    return None


def _escaped(text: str) -> str:
    for character, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0")):
        text = text.replace(character, escape)
    return text
