"""The options of `nox -s compare`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..envmap.show import MODES, PRODUCTION, SWARM
from ..errors import UsageError
from ..trials.names import mode_of, numbered

OPTIONS = """\
--from-records  print the newest records again; run nothing
--enforce       exit 3 when a gate is failed
--strict        exit 5 when a gate is inconclusive
--repeat N      run the modes N times, by turns; from 3 on (scipy: tranship[stats])
                ratios have an interval, and flaky tests are told from differences
--warm          start each mode's stack once, all at the same time, and run the
                suite in them by turns; CPU is that of each run, start-up the first's
--fresh         start a stack for every run; the default
--prometheus URL
                ask this Prometheus for the gates that have a query; with
                --from-records for what the records lack
--baseline FILE run the mode of that earlier record, and compare with it
--modes A,B     what to compare, the first with each other one: local, docker,
                production (docker with production's compose files and layers,
                secrets made up), swarm (docker's services as a stack of the
                Swarm that this engine manages), hybrid:SERVICE,... (those services as
                processes, the rest in containers); default local,docker. A mode
                that stands there twice is compared with itself: local,local is
                local and local@2
Everything else reaches pytest."""


def parsed(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return our options, and what pytest gets. Raises UsageError, or ends with 2."""
    parser = argparse.ArgumentParser(
        prog="nox -s compare --",
        description=OPTIONS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for option in ("--from-records", "--enforce", "--strict"):
        parser.add_argument(option, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--repeat", default=1, type=_repeat, help=argparse.SUPPRESS)
    parser.add_argument("--prometheus", default="", metavar="URL", help=argparse.SUPPRESS)
    starts = parser.add_mutually_exclusive_group()
    starts.add_argument("--warm", action="store_true", help=argparse.SUPPRESS)
    starts.add_argument("--fresh", action="store_false", dest="warm", help=argparse.SUPPRESS)
    sides = parser.add_mutually_exclusive_group()
    sides.add_argument("--modes", default="local,docker", type=modes_of, help=argparse.SUPPRESS)
    sides.add_argument("--baseline", type=Path, help=argparse.SUPPRESS)
    return parser.parse_known_args(list(arguments))


def _repeat(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--repeat {text}: name a number of runs, 1 or more.")
    return int(text)


def modes_of(text: str) -> list[str]:
    """Return the modes of a comma list: `local,hybrid:a,b` is `local` and `hybrid:a,b`.

    Where a mode is compared with itself the second one has a name of its own, `local@2`.
    Raises UsageError for fewer than two modes.
    """
    modes: list[str] = []
    for part in filter(None, (word.strip() for word in text.split(","))):
        known = mode_of(part) in (*MODES, PRODUCTION, SWARM) or part.startswith("hybrid:")
        if known or not modes or not modes[-1].startswith("hybrid:"):
            modes.append(part)
        else:
            modes[-1] += f",{part}"
    names = modes if len(set(modes)) == len(modes) else numbered(map(mode_of, modes))
    if len(names) < 2:
        raise UsageError(
            f"--modes {text}: name two modes or more, for example "
            "`--modes local,hybrid:strategy-service`."
        )
    return names
