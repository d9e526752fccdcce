"""What a reader may do: query tables and views, nothing else.

``readonly`` alone does not say so: with it chDB still reads files (``file('/etc/passwd')``, ``SELECT * FROM
'/etc/passwd'``) and writes them (``INTO OUTFILE``), and ``EXPLAIN AST`` runs what follows a semicolon. Patterns over
the text are got round with backquotes and comments. So the engine's own parser is asked: it writes the statement anew,
exactly one and without comments, and shows its syntax tree, in which every function, table and file is named. Limits
of time and memory come on top. A fence for colleagues and dashboards; strangers should meet a real server with grants.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

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
_FUNCTION = re.compile(r"^ *Function (\S+)", re.MULTILINE)
_NAME = re.compile(r"^ *(?:Table)?Identifier (.*?)(?: \(alias .*\))?$", re.MULTILINE)
#: Clauses and settings that write files, read them, or carry expressions past the syntax tree.
_DENIED_TEXT = re.compile(
    r"\bINTO OUTFILE\b|\bFORMAT (?:Template|Protobuf|CapnProto)"
    r"|\b(?:additional_table_filters|additional_result_filter|parallel_replicas_custom_key|format_schema|format_template"
    r"|implicit_table_at_top_level|dialect\s*=)",
    re.IGNORECASE,
)


def denied_functions(connection: Connection) -> frozenset[str]:
    """Return the names, in lower case, of what a reader must not call: whatever this engine has, less what is safe."""
    names = connection.query(
        "SELECT lower(name) FROM system.table_functions UNION DISTINCT "
        "SELECT lower(name) FROM system.functions WHERE startsWith(lower(name), 'ai')",
        "TSVRaw",
    )
    return frozenset(names.data.decode().split()) - _SAFE_TABLE_FUNCTIONS | _OUTSIDE


def allowed_settings(given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a reader's request with its limits.

    Raises
    ------
    DatabaseError
        If one of them would get round the policy.
    """
    for name in given:
        if name == "readonly" or _DENIED_TEXT.search(f"{name}="):
            raise DatabaseError(ACCESS_DENIED, f"A reader cannot set {name}. (ACCESS_DENIED)")
    return {**READER_SETTINGS, **given, "readonly": READER_SETTINGS["readonly"]}


def checked(
    connection: Connection, sql: str, parameters: Mapping[str, str], output: str, denied: Collection[str]
) -> str:
    """Return the statement, written anew by the engine, if a reader may run it.

    Parameters
    ----------
    connection
        Asked to parse; nothing is run.
    sql, parameters, output
        The statement, what is bound to it, and the format of its result.
    denied
        See :func:`denied_functions`.

    Raises
    ------
    DatabaseError
        If the statement does not only query, is more than one, or reaches outside the database.
    """
    if not reads(sql):
        raise DatabaseError(READONLY, "Cannot execute query in readonly mode. (READONLY)")
    rewritten = connection.query(
        "SELECT formatQuerySingleLine({statement:String})", "TSVRaw", {"statement": _escaped(sql)}
    ).data.decode()
    tree = connection.query(f"EXPLAIN AST {rewritten}", "TSVRaw", parameters).data.decode()
    reason = _objection(rewritten, tree, output, denied)
    if reason is not None:
        raise DatabaseError(ACCESS_DENIED, f"Not enough privileges: the statement {reason}. (ACCESS_DENIED)")
    return rewritten


def _objection(rewritten: str, tree: str, output: str, denied: Collection[str]) -> str | None:
    if _DENIED_TEXT.search(f"{rewritten} FORMAT {output}"):
        return "writes or reads files, or sets what a reader cannot set"
    for name in _FUNCTION.findall(tree):
        if name.lower() in denied:
            return f"calls {name}"
    for name in _NAME.findall(tree):
        if "/" in name:  # chDB takes such names for files and addresses
            return f"names {name}"
    return None


def _escaped(text: str) -> str:
    for character, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0")):
        text = text.replace(character, escape)
    return text
