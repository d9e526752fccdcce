"""Files as a source: wide daily electricity, long form, registry tables, NDJSON."""

from connectors.files.source import FileSource
from connectors.files.writer import NdjsonWriter

__all__ = ["FileSource", "NdjsonWriter"]
