"""Structured logs on stderr, without secrets."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from streams.settings import Settings

_SECRET_KEY = re.compile(r"secret|password|passwd|token|authorization|signature|api_?key", re.IGNORECASE)
#: user:password@ of a URL, up to the last @ because passwords hold / and @ too; and Standard Webhooks secrets.
_SECRET_TEXT = re.compile(r"(?<=://)[^/\s:@]*:\S+(?=@)|whsec_[A-Za-z0-9+/=]+")
HIDDEN = "***"


def redact(text: str) -> str:
    """Return the text with passwords of URLs and webhook secrets blotted out.

    Examples
    --------
    >>> redact("postgresql://bob:hunter2@db/forewarn whsec_abc=")
    'postgresql://***@db/forewarn ***'
    >>> redact("postgresql://bob:p@ss/word@db/forewarn")
    'postgresql://***@db/forewarn'
    """
    return _SECRET_TEXT.sub(HIDDEN, text)


def _hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if _SECRET_KEY.search(key):
            event[key] = HIDDEN
        elif isinstance(value, str):
            event[key] = redact(value)
    return event


def configure(settings: Settings, part: str) -> None:
    """Send the logs of this process, those of libraries too, to stderr in the chosen format.

    Parameters
    ----------
    settings
        ``log_level`` and ``log_format`` count.
    part
        Which process this is (``scorer``, ``recorder`` …); stands in every line.
    """
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _hide_secrets,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    structlog.configure(
        processors=[*shared[:2], structlog.stdlib.add_logger_name, *shared[4:],
                    structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )  # fmt: skip
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiokafka", "faust", "mode", "kafka", "httpx", "httpcore", "alembic", "chinese_calendar"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    # It warns of every tenth of a second that the machine was busy.
    logging.getLogger("kafka.net.selector").setLevel(max(level, logging.ERROR))
    for echo in ("urllib3", "clickhouse_connect"):  # they warn of what is raised anyway, with the whole query
        logging.getLogger(echo).setLevel(logging.ERROR)
    structlog.contextvars.bind_contextvars(part=part)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger of the given dotted name."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound
