"""Logs are events: JSON lines on stderr, or readable ones on a terminal. The one door to
structlog."""

import logging
import sys
from typing import Any, cast

import structlog
from structlog.typing import FilteringBoundLogger


def configure_logging(role: str, level: str) -> None:
    """Set the process's log format and level; called once by the service's life."""
    tail: Any = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            tail,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=role)


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines carry `part=name`."""
    return cast("FilteringBoundLogger", structlog.get_logger(part=name))
