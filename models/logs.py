"""Logs: one line per event, for people or (`OCKHAM_LOG_FORMAT=json`) for programs."""

from __future__ import annotations

import logging
import sys

import structlog

from models.settings import Settings


def configure(settings: Settings) -> None:
    """Sends structlog's and the standard library's records to standard error, in the one format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.INFO)
    for chatty in ("alembic", "fontTools", "httpx", "kombu", "matplotlib", "PIL"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
