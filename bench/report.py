"""What was measured, as tables: whether each goal was met, and every figure behind that."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.processes import Sample
from bench.sinks import Taken

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Goal:
    """One goal and what was measured against it. `met` is None where nothing was measured, or no goal was set."""

    measure: str
    goal: str
    measured: str
    met: bool | None


@dataclass(frozen=True)
class Row:
    """One thing, in all its rounds; what it says are the medians."""

    name: str
    samples: tuple[Sample, ...]
    taken: tuple[Taken, ...]

    @property
    def recipients(self) -> int:
        return self.samples[0].recipients

    @property
    def wall(self) -> float:
        return median(sample.wall for sample in self.samples)

    @property
    def rate(self) -> float:
        return self.recipients / self.wall

    @property
    def each(self) -> float:
        """CPU µs per recipient."""
        return median(sample.each for sample in self.samples)

    @property
    def peak(self) -> float:
        return median(sample.peak for sample in self.samples)

    @property
    def per_request(self) -> float:
        return median(taken.recipients / taken.requests for taken in self.taken)

    @property
    def size_each(self) -> float:
        return median(taken.size / taken.recipients for taken in self.taken)

    @property
    def sink_each(self) -> float:
        """CPU µs of the sink per recipient."""
        return median(taken.cpu / taken.recipients for taken in self.taken) * 1e6

    @property
    def more(self) -> Mapping[str, float]:
        return {name: median(sample.more[name] for sample in self.samples) for name in self.samples[0].more}


@dataclass
class Report:
    """All that one run of the harness has measured."""

    goals: list[Goal] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def add(self, goals: Sequence[Goal], rows: Sequence[Row]) -> None:
        """Take in what one measurement has found."""
        self.goals += goals
        self.rows += rows

    def text(self, command: str, date: str, load: tuple[float, float]) -> str:
        """The whole page."""
        return "\n".join(
            [
                "# What was measured",
                "",
                f"Written by `{command}`; every figure is of that one run. What each means: "
                "[performance](../docs/performance.md).",
                "",
                *_table(("", ""), _surroundings(date, load)),
                "",
                "## Goals",
                "",
                *_table(("measure", "goal", "measured", "met"), map(_goal, self.goals)),
                "",
                "## All figures",
                "",
                *_table(COLUMNS, map(_row, self.rows)),
                "",
            ]
        )


COLUMNS = (
    "what", "recipients", "rounds", "wall s", "from … to", "per second", "CPU µs each", "peak MB",
    "recipients a request", "bytes each", "sink's CPU µs each", "besides",
)  # fmt: skip
_MET = {True: "yes", False: "**no**", None: ""}


def _goal(goal: Goal) -> tuple[str, ...]:
    return goal.measure, goal.goal, goal.measured or "not measured", _MET[goal.met]


def _row(row: Row) -> tuple[str, ...]:
    walls = [sample.wall for sample in row.samples]
    return (
        row.name,
        f"{row.recipients:,}",
        str(len(row.samples)),
        f"{row.wall:.2f}",
        f"{min(walls):.2f} … {max(walls):.2f}",
        f"{row.rate:,.0f}",
        f"{row.each:,.1f}",
        f"{row.peak:.0f}",
        f"{row.per_request:,.0f}",
        f"{row.size_each:,.0f}",
        f"{row.sink_each:.1f}",
        ", ".join(f"{name}: {value:,.2f}" for name, value in row.more.items()),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _surroundings(date: str, load: tuple[float, float]) -> list[tuple[str, str]]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        ("date", date),
        ("commit", _commit()),
        ("machine", f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; sender, sink and server on one core"),
        ("system", f"Python {platform.python_version()}, {platform.system()} {platform.release()}"),
        ("load average", f"{load[0]:.1f} when it began, {load[1]:.1f} when it ended"),
    ]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return "unknown"

    def told(*words: str) -> str:
        return subprocess.run([git, *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    changed = told("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/RESULTS.md")
    return told("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")
