"""Log lines of a flow run: where the settings say, and in Prefect beside the run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect import get_run_logger
from prefect.runtime import flow_run

from vefa.logs import HumanLines, about, logging_to
from vefa.settings import Settings


class PrefectLines(logging.Handler):
    """Hands lines to the run's own logger, which the Prefect UI shows; from any thread, as it knows its run."""

    def __init__(self, run_logger: Any) -> None:
        super().__init__()
        self._run_logger = run_logger
        self.setFormatter(HumanLines(clock=False))

    def emit(self, record: logging.LogRecord) -> None:
        self._run_logger.log(record.levelno, "%s", self.format(record))


@contextmanager
def run_lines(settings: Settings, **fields: object) -> Iterator[None]:
    """Inside, every line of ours bears the run and these fields."""
    handler = PrefectLines(get_run_logger())
    with logging_to(settings.log, settings.var / "log", handler), about(flow_run=flow_run.id, **fields):
        yield
