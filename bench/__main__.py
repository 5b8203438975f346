"""`make bench`: every measurement, one after the other, on one core."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path

from bench.experiments import EXPERIMENTS, sized
from bench.laboratory import Laboratory
from bench.processes import Failed, pin
from bench.report import Goal, Report

RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> None:
    """Measure, and write the tables. Exit 1 where a measurement counts for nothing; a goal that is missed is told."""
    asked = _asked()
    pin(asked.core)
    report, load, began = Report(), os.getloadavg()[0], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vefa-bench-") as folder:
        lab = Laboratory(Path(folder), sized(asked.quick, asked.recipients), lambda words: _told(began, words))
        try:
            for name in asked.only or [name for name in EXPERIMENTS if name != "ten-million" or asked.ten_million]:
                _told(began, name)
                report.add(*EXPERIMENTS[name](lab))
        except Failed as failure:
            sys.exit(f"This run counts for nothing.\n{failure}")
        finally:
            lab.close()
    if not asked.only and not asked.ten_million:
        report.goals.append(Goal("cost at 10 million against 1 million (`--ten-million`)", "≤ 1.2 ×", "", None))
    text = report.text(_command(), asked.date, (load, os.getloadavg()[0]))
    target = asked.out or (None if asked.quick or asked.only else RESULTS)
    print(text)
    if target is not None:
        target.write_text(text, encoding="utf-8")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--date", required=True, help="written into the page: nothing here asks the calendar")
    parser.add_argument("--only", action="append", choices=list(EXPERIMENTS), help="may be given several times")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round: does it all work?")
    parser.add_argument("--recipients", type=int, help="of the batch path")
    parser.add_argument("--ten-million", action="store_true", help="ten times as many as well: half an hour more")
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)), help="all runs on this one")
    parser.add_argument("--out", type=Path, help=f"the page; a whole run writes {RESULTS.name} without being asked")
    return parser.parse_args()


def _command() -> str:
    return shlex.join(["python", "-m", "bench", *sys.argv[1:]])


def _told(began: float, words: str) -> None:
    print(f"{time.monotonic() - began:6.0f} s  {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
