"""The differences of two benches as factors, those that the test speaks of first."""

from __future__ import annotations

from dataclasses import replace

from ...settings import Settings
from ..causes import rank
from ..explained import case_twins, test_source
from ..fingerprints import differences
from ..tracebacks import spoken
from .bench import Bench
from .chosen import Chosen
from .factors import Factor, factors, group_of
from .ground import Ground
from .packages import Packages
from .privileges import is_root, may_mount
from .services import service_factors


def ranked_factors(
    settings: Settings, what: Chosen, benches: tuple[Bench, Bench]
) -> tuple[Factor, ...]:
    """Return what differs now between the baseline's bench and the candidate's."""
    failing, passing = benches[what.failing], benches[1 - what.failing]
    views = [bench.see() for bench in benches]
    found = differences(views[0].fingerprint, views[1].fingerprint)
    bodies = [body for bench in benches if (body := bench.service_body)]
    failing.packages = Packages(failing, passing)
    ground = Ground(
        side=failing.side,
        passing_side=passing.side,
        failing=views[what.failing],
        passing=views[1 - what.failing],
        failing_name=failing.name,
        passing_name=passing.name,
        baseline_name=benches[0].name,
        candidate_name=benches[1].name,
        body=bodies[0] if bodies else {},
        root_folder=str(settings.root),
        is_root=is_root(),
        may_mount=may_mount(),
        has_locale=failing.has_locale,
        packages=failing.packages.change,
    )
    path, source = test_source(settings, what.outcome(what.failing))
    failed = what.outcomes[what.failing]
    said = spoken(failed) if failed else what.message
    twins = case_twins(what.message, settings.root, path)
    ranked = rank(said, source, found, case_twins=twins)
    order = [group_of(it.difference.key) for it in ranked]
    known = [replace(it, spoken=it.key in order) for it in factors(found, ground)]
    known.sort(key=lambda it: order.index(it.key) if it.spoken else len(order))
    if failing.side == passing.side == "docker":
        known += service_factors(
            failing.document,
            passing.document,
            settings.suite.service or "",
            candidate_fails=what.failing == 1,
        )
    return tuple(known)
