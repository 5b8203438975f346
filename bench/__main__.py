"""`make bench`: every measurement, one after the other."""

from __future__ import annotations

import argparse

from bench.email_step import measure


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--recipients", type=int, default=100_000, help="customers due at one e-mail step")
    parser.add_argument("--peers", type=int, default=2_000, help="recipients of each peer")
    measure(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
