"""What Prefect is told of an error, as it keeps all it hears: our own sentences; of others their kind and place."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from vefa.errors import VefaError
from vefa.logs import words_of

logger = logging.getLogger("vefa.run")


class Broken(VefaError):
    """Something of ours or of a library broke; the log of the machine where it ran says at which place."""


class RunStopped(Exception):
    """The run was cancelled between two batches; what was not claimed yet stays queued for the next run."""


@contextmanager
def discreetly() -> Iterator[None]:
    """Errors come out with nothing in them that may quote an address or a text."""
    try:
        yield
    except (VefaError, RunStopped) as error:
        raise error from None
    except Exception as error:
        logger.error("something broke", exc_info=error)
        raise Broken(words_of(error)) from None
