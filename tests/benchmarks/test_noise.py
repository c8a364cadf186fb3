"""The example stack compared with itself, twenty times: what is reported then is noise.

Not part of the default run: `pytest tests/benchmarks/test_noise.py -s`, half an hour. Each
comparison runs both stacks three times; every pair of its runs is also judged as a comparison
of one run each.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tranship.comparison.diff import Comparison, compare
from tranship.comparison.verdict import exit_code
from tranship.errors import ExitCode
from tranship.trials.record import newest_batch

REPOSITORY = Path(__file__).parents[2]
PARTS = ("compose", "envs", "locks", "tests/stack", "pyproject.toml", "noxfile.py")
COMPARISONS = 20
RUNS = 3
QUIET = {ExitCode.SAME, ExitCode.INCONCLUSIVE}
WORDS = ("--modes", "local,local", "--warm", "--repeat", str(RUNS), "--enforce")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example stack, so that a developer's records stay."""
    root = tmp_path_factory.mktemp("athena")
    for part in PARTS:
        source, target = REPOSITORY / part, root / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return root


def named(found: Comparison) -> list[str]:
    """Return the figures that are beyond their limit, whatever is claimed of them."""
    return [row.figure for row in found.services if row.missed or row.beyond]


def say(line: str) -> None:
    """Show a figure while the next comparison runs."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def test_a_stack_compared_with_itself_shows_no_difference(root: Path) -> None:
    codes: Counter[int] = Counter()
    single: Counter[ExitCode] = Counter()
    beyond: Counter[str] = Counter()
    claimed: list[str] = []
    for number in range(1, COMPARISONS + 1):
        done = subprocess.run(
            [sys.executable, "-m", "nox", "-s", "compare", "--", *WORDS],
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        codes[done.returncode] += 1
        verdict = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr
        say(f"{number}: exit {done.returncode}: {verdict}")
        sides = [newest_batch(root / ".tranship" / "trials", it) for it in ("local", "local@2")]
        whole = compare(*sides)
        claimed += [row.figure for row in whole.services if row.missed]
        claimed += [f"moved: {row.figure}" for row in whole.moved]
        claimed += [f"differs: {pair.baseline.name}" for pair in whole.different]
        for one, other in zip(*sides, strict=True):
            found = compare(one, other)
            single[exit_code(found, enforce=True, strict=False)] += 1
            beyond.update(named(found))
            claimed += [f"in one run: {row.figure}" for row in found.services if row.missed]
    say(f"{RUNS} runs each: exit codes {dict(codes)}; claimed: {claimed or 'nothing'}")
    say(f"one run each: exit codes {dict(single)}; beyond their limit: {dict(beyond)}")

    assert set(codes) <= QUIET
    assert set(single) <= QUIET
    assert [] == claimed
