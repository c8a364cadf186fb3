"""The command line: parse, set up, hand over to nox, clean up."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import browser, buildfiles, handover, images, prometheus, venv
from .consent import Consent, consent_here
from .engine import Engine
from .errors import ENVIRONMENT, INTERRUPTED, USAGE, Interrupted, SetupError
from .progress import Progress

ROOT = Path(__file__).resolve().parents[2]
EPILOG = """\
On a bare machine with Python 3.11+ and git it makes .venv, gets a Docker engine if none
answers (as root, in CI, or after asking), gets base images, and runs nox.

examples:
  scripts/run compare                 the suite in both modes, and the tables
  scripts/run compare -- -k orders    only some of its tests
  scripts/run tests                   the library's own checks, all of them

exit codes: nox's own; 2 wrong usage; 4 the machine cannot be set up; 130 interrupted
"""


@dataclass(frozen=True)
class Order:
    """What the command line asks for."""

    command: str
    action: str = ""  # of `engine`: start, stop or status
    pull: bool = False
    monitoring: bool = False  # of `setup`: also the image of Prometheus
    unkept: bool = False  # of `engine`: on behalf of a run, by sudo
    rest: tuple[str, ...] = ()  # what stood after `--`


def parse(argv: Sequence[str]) -> Order:
    """Return what the arguments ask for; argparse ends the process on wrong ones."""
    words = list(argv)
    rest: list[str] = []
    if "--" in words:
        cut = words.index("--")
        words, rest = words[:cut], words[cut + 1 :]
    parser = argparse.ArgumentParser(
        prog="scripts/run",
        description="One command from a bare machine to the tables.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("compare", "run the suite as local processes and in Docker, and compare"),
        ("tests", "run the library's own checks and tests"),
        ("setup", "only set up, and leave the engine running"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--pull", action="store_true", help="ask the registry again for base images"
        )
        if name == "setup":
            command.add_argument(
                "--monitoring", action="store_true", help="also get the image of Prometheus"
            )
    engine = commands.add_parser("engine", help="start, stop or show the Docker engine")
    engine.add_argument("action", choices=("start", "stop", "status"))
    engine.add_argument("--for-a-run", "--if-unused", action="store_true", help=argparse.SUPPRESS)
    found = parser.parse_args(words)
    if rest and found.command not in {"compare", "tests"}:
        parser.error(f"`{found.command}` takes no arguments after `--`")
    return Order(
        found.command,
        getattr(found, "action", ""),
        getattr(found, "pull", False),
        getattr(found, "monitoring", False),
        getattr(found, "for_a_run", False),
        tuple(rest),
    )


def main(argv: Sequence[str], root: Path = ROOT) -> int:
    """Do what the arguments ask for; return the exit code."""
    order = parse(argv)
    with handover.handling(handover.interrupt):
        try:
            return obey(order, root)
        except SetupError as error:
            sys.stderr.write(f"scripts/run: {error}\n")
            return error.exit_code
        except OSError as error:  # a full disk, a checkout of another user
            where = f"{error.filename}: " if error.filename else ""
            sys.stderr.write(f"scripts/run: {where}{error.strerror or error}\n")
            return ENVIRONMENT
        except Interrupted as signal_name:
            sys.stderr.write(f"scripts/run: stopped by {signal_name}\n")
            return INTERRUPTED


def obey(order: Order, root: Path) -> int:
    """Carry out an order."""
    progress = Progress(root / ".tranship/setup.log")
    consent = consent_here()
    engine = Engine(progress, consent)
    if order.command == "engine":
        if order.action == "start":
            engine.ensure(keep=not order.unkept)
        elif order.action == "stop":
            engine.stop(only_unkept=order.unkept)
        else:
            engine.status()
        return 0
    try:
        prepare(root, progress, consent, engine, order)
        if order.command == "setup":
            return 0
        progress.line("nox", " ".join(["-s", order.command, *order.rest]))
        arguments = ["--", *order.rest] if order.rest else []
        place = root / ".venv"
        return handover.run([place / "bin/nox", "-s", order.command, *arguments], root, place)
    finally:
        with handover.handling(handover.ignore):
            engine.release()


def prepare(root: Path, progress: Progress, consent: Consent, engine: Engine, order: Order) -> None:
    """Take every step of the set-up that is not yet done."""
    for name in ("pyproject.toml", "locks/dev.txt", "locks/stack.txt"):
        if not (root / name).is_file():
            raise SetupError(f"{name} is missing: is this checkout whole?", USAGE)
    venv.ensure(root, progress, consent)
    engine.ensure(keep=order.command == "setup")
    monitoring = order.monitoring or prometheus.chosen(root)
    more = [prometheus.image(progress)] if monitoring else []
    images.ensure(root, progress, ask_registry=order.pull, more=more)
    buildfiles.write(root, progress)
    if order.command == "tests":
        browser.ensure(progress, consent)
