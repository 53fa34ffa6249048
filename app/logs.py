"""Structured logs: one JSON object per line on standard output. app.web.middleware writes those of requests.

Every line of a request contains its id, and every line of a batch that of the batch, wherever the line is written.
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

LogFields = dict[str, object]

_fields: ContextVar[LogFields | None] = ContextVar("log_fields", default=None)


@contextmanager
def log_context(**fields: object) -> Iterator[LogFields]:
    """Adds these fields, and what is added to them later, to every line of this task and of those that it starts.

    They replace those of a context around it: a batch is started by one request and belongs to many.
    """
    context: LogFields = fields
    token = _fields.set(context)
    try:
        yield context
    finally:
        _fields.reset(token)


def log_fields() -> LogFields:
    """The fields of the current request or batch, to read and to add to. Outside of one nothing is kept."""
    fields = _fields.get()
    return {} if fields is None else fields


class JsonFormatter(logging.Formatter):
    """Writes ts, level, logger, msg, the context, the members of `extra={"fields": …}`, and any traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "msg": record.getMessage(),
            **log_fields(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line.update(fields)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


def configure_logging(level: str) -> None:
    """Send every record of `level` or above to one JSON handler."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # httpx and httpcore log headers, and with them keys, at DEBUG, and the URL of every call at INFO.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
