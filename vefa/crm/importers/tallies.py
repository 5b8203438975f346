"""What an import has counted so far, and of a dry run a few rows for each reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from vefa.crm.importers.frames import Batch
from vefa.crm.importers.rejecting import Reject
from vefa.crm.importers.stages import CHANGED, NEW, UNCHANGED
from vefa.crm.importers.summary import TargetSummary

#: Rows that a dry run shows for each reason.
SAMPLES = 10
#: Who asked to be forgotten is no fault of the file.
_NO_FAULT = frozenset({"forgotten"})
WRONG_COLUMNS = "wrong columns"


@dataclass
class Tally:
    """The counters of one target."""

    read: int = 0
    states: Counter[int] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    misshapen: int = 0

    def unusable_share(self) -> float:
        """Which part of its rows could not be used; rows that do not fit their file's head are among them."""
        rows = self.read + self.misshapen
        bad = sum(count for reason, count in self.rejected.items() if reason not in _NO_FAULT)
        return (bad + self.misshapen) / rows if rows else 0.0

    def summary(self) -> TargetSummary:
        """What is told of it."""
        return TargetSummary(
            read=self.read,
            new=self.states[NEW],
            changed=self.states[CHANGED],
            unchanged=self.states[UNCHANGED],
            rejected=dict(self.rejected),
            counted=dict(self.counted),
        )


class Tallies:
    """The counters of all targets, and of the files."""

    def __init__(self, targets: Iterable[str], largest_share: float) -> None:
        self.by_target: dict[str, Tally] = {name: Tally() for name in targets}
        self.misshapen: Counter[str] = Counter()
        self.samples: list[Reject] = []
        self._sampled: Counter[tuple[str | None, str]] = Counter()
        self._largest_share = largest_share

    def __getitem__(self, target: str) -> Tally:
        return self.by_target[target]

    def note_batch(self, target: str, batch: Batch) -> None:
        """What the readers made of a chunk."""
        tally = self.by_target[target]
        tally.read += batch.read
        tally.counted.update(batch.counted)
        tally.rejected.update(reject.reason for reject in batch.rejects)

    def note_strays(self, place: str, count: int, targets: Iterable[str]) -> None:
        """Rows that do not have the columns of their file, and the targets that they are lost to."""
        self.misshapen[place] += count
        for target in targets:
            self.by_target[target].misshapen += count

    def sample(self, found: Sequence[Reject]) -> None:
        """Keep the first rows of each target and reason."""
        for reject in found:
            reason = (reject.target, reject.reason)
            if self._sampled[reason] < SAMPLES:
                self._sampled[reason] += 1
                self.samples.append(reject)

    def unusable(self) -> Mapping[str, float]:
        """The targets of which more rows than the shop's setting allows could not be used, with their share."""
        shares = {name: tally.unusable_share() for name, tally in self.by_target.items()}
        return {name: round(share, 4) for name, share in shares.items() if share > self._largest_share}
