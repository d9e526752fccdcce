"""ClickHouse's errors: a code, a message, and the HTTP status that goes with the code."""

from __future__ import annotations

import re

AUTHENTICATION_FAILED = 516
ACCESS_DENIED = 497
READONLY = 164
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
UNSUPPORTED = 48
CANNOT_READ_ALL_DATA = 33
UNKNOWN_COMPRESSION = 89
TOO_MANY_BYTES = 307
TOO_MANY_SESSIONS = 202
BAD_ARGUMENTS = 36
UNKNOWN_EXCEPTION = 1002

_STATUS = {
    AUTHENTICATION_FAILED: 401,
    192: 401,  # unknown user
    194: 401,  # password required
    ACCESS_DENIED: 403,
    READONLY: 403,
    46: 404,  # unknown function
    47: 404,  # unknown identifier
    60: 404,  # unknown table
    81: 404,  # unknown database
    SESSION_NOT_FOUND: 404,
    27: 400,  # cannot parse input
    CANNOT_READ_ALL_DATA: 400,
    BAD_ARGUMENTS: 400,
    53: 400,  # type mismatch
    62: 400,  # syntax error
    117: 400,  # incorrect data
    457: 400,  # bad query parameter
    UNKNOWN_COMPRESSION: 400,
    159: 408,  # timeout exceeded
    TOO_MANY_BYTES: 413,
    SESSION_IS_LOCKED: 423,
    UNSUPPORTED: 501,
    TOO_MANY_SESSIONS: 503,
}
_CODE = re.compile(r"Code: (\d+)\. ")


class DatabaseError(Exception):
    """A request failed; clients get the code and the message.

    Examples
    --------
    >>> error = DatabaseError(60, "Unknown table expression identifier 't'. (UNKNOWN_TABLE)")
    >>> error.status, str(error)
    (404, "Code: 60. DB::Exception: Unknown table expression identifier 't'. (UNKNOWN_TABLE)")
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {message}")
        self.code = code

    @property
    def status(self) -> int:
        """HTTP status."""
        return _STATUS.get(self.code, 500)

    @classmethod
    def of(cls, error: Exception) -> DatabaseError:
        """Return what the engine raised in this form.

        Examples
        --------
        >>> DatabaseError.of(RuntimeError("Query failed: Code: 62. DB::Exception: Syntax error")).status
        400
        """
        text = str(error).strip()
        found = _CODE.search(text)
        if found is None:
            return cls(UNKNOWN_EXCEPTION, text or type(error).__name__)
        return cls(int(found.group(1)), text[found.end() :].removeprefix("DB::Exception: "))
