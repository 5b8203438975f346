"""What an import did, in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from vefa.crm.importers.rejecting import Reject


@dataclass(frozen=True)
class TargetSummary:
    """One target: rows read, what became of their keys, and what was wrong with others.

    `counted` is what was put right without a reject: unknown zones that became the shop's, lines that went away.
    """

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A row that a dry run would write: new or changed, where it stands, and whose it is."""

    target: str
    what: str
    file: str
    line: int
    key: str


@dataclass(frozen=True)
class ImportSummary:
    """A whole import. `misshapen` are rows that do not have the columns of their file, by file.

    `unusable` are the targets of which a larger part of the rows than the setting allows could not be used, with that
    part. `samples` and `would_change` hold a few rows for each reason, and only of a dry run: they are personal data.
    """

    import_id: int
    name: str
    path: str
    targets: dict[str, TargetSummary]
    misshapen: dict[str, int]
    events: int
    seconds: float
    unusable: dict[str, float] = field(default_factory=dict)
    samples: tuple[Reject, ...] = ()
    would_change: tuple[Change, ...] = ()

    @property
    def changes(self) -> int:
        """How many rows are new or changed; none when the same files come again."""
        return sum(target.new + target.changed for target in self.targets.values())

    @property
    def rejected(self) -> int:
        """How many rows could not be used."""
        return sum(self.misshapen.values()) + sum(sum(target.rejected.values()) for target in self.targets.values())

    def rows(self) -> Iterator[tuple[str, int, int, int, int, str, str]]:
        """A table for people: target, read, new, changed, unchanged, rejects by reason, what was counted."""
        for name, target in self.targets.items():
            yield (
                name,
                target.read,
                target.new,
                target.changed,
                target.unchanged,
                _listed(target.rejected),
                _listed(target.counted),
            )

    def as_json(self) -> dict[str, Any]:
        """What the `imports` row keeps."""
        facts = asdict(self)
        for name in ("samples", "would_change"):
            if not facts[name]:
                del facts[name]
        return facts


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()))
