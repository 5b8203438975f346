"""What İYS can answer, and each way in which asking it can end badly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vefa.consent.words import Change
from vefa.errors import VefaError

#: The most that each call takes or gives.
ROWS, RECIPIENTS, CHANGES = 10_000, 1_000, 500
#: Who made a change: the recipient at İYS itself, or service providers (this shop, by whatever way).
Feed = Literal["IYS", "HS"]
FEEDS: tuple[Feed, ...] = ("IYS", "HS")


class IysError(VefaError):
    """İYS could not be asked."""


class IysUnreachable(IysError):
    """No answer that can be read. Whether İYS has heard the question is not known."""


class IysBusy(IysError):
    """Too many questions; nothing was done. After `seconds` it can be asked again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"İYS takes no more questions for {seconds:.0f} seconds.")
        self.seconds = seconds


class IysDenied(IysError):
    """İYS does not know our user, or does not let it do this."""


class IysRefused(IysError):
    """İYS took the question for a wrong one."""

    def __init__(self, code: str) -> None:
        super().__init__(f"İYS refused the request ({code}).")
        self.code = code


@dataclass(frozen=True)
class Page:
    """Some changes, and where the next ones begin. `read`: how many lines it had, those of no use to us included."""

    changes: tuple[Change, ...]
    after: str | None
    read: int


@dataclass(frozen=True)
class Outcome:
    """What became of a word that was handed in: its place in the request, and why it was refused where it was."""

    place: int
    done: bool
    code: str | None = None
