"""The workflow for GitHub Actions."""

from __future__ import annotations

import re

from . import shell
from .plan import Plan
from .template import filled, listed, quoted

PATH = ".github/workflows/tranship.yml"


def workflow(plan: Plan, output: str = "") -> str:
    """Return the workflow; `output` is the option that it checks itself with."""
    ci = plan.ci
    proved = shell.meaning(shell.PROVED, _say, False)
    values = {
        "branches": listed([ci.branch]),
        "runner": quoted(ci.runs_on),
        "timeout": str(ci.timeout),
        "output": output,
        "steps": _steps(plan, quoted(ci.python[0]), nox=False),
        "matrixsteps": _steps(plan, "${{ matrix.python }}"),
        "matrix": _matrix(plan),
        "layers": _layers(plan, unless="if: ${{ matrix.mode != 'local' }}"),
        "dispatch": shell.dispatch(),
        "provedcodes": proved,
        "upload": plan.uses["actions/upload-artifact"],
        "records": f"{plan.state}/trials\n{plan.state}/logs",
    }
    values["compare"] = _compare(plan, values) if plan.compared else ""
    values["own"] = _own(plan, values)
    return filled("github", values)


def _say(level: str, text: str) -> str:
    return f'echo "::{level} title=Tranship::{text}"'


def _steps(plan: Plan, version: str, nox: bool = True) -> str:
    values = {
        "checkout": plan.uses["actions/checkout"],
        "python": plan.uses["actions/setup-python"],
        "version": version,
        "dependencies": "|\n" + "\n".join(f"      {name}" for name in plan.dependencies),
        "nox": _nox(plan) if nox else "",
        "setup": "\n".join(
            (
                *plan.setup,
                *shell.on_path(plan.ci.path, lambda it: f'echo "$PWD/{it}" >> "$GITHUB_PATH"'),
            )
        ),
    }
    return filled("github-steps", values)


def _nox(plan: Plan) -> str:
    hashed = ", ".join(f"'{name}'" for name in ("noxfile.py", *plan.dependencies))
    return filled("github-nox", {"cache": plan.uses["actions/cache"], "hashed": hashed})


def _matrix(plan: Plan) -> str:
    rows = []
    for python in plan.ci.python:
        for mode in plan.ci.modes:
            slug = re.sub(r"[^\w.-]+", "-", mode).strip("-")
            rows.append(
                f"- {{mode: {quoted(mode)}, slug: {quoted(slug)}, python: {quoted(python)}}}"
            )
    return "\n".join(rows)


def _layers(plan: Plan, unless: str = "") -> str:
    if not plan.targets:
        return ""
    overrides = []
    for target in plan.targets:
        cache = f"type=gha,scope=tranship-{target}"
        overrides += [
            f"{target}.cache-from={cache}",
            f"{target}.cache-to={cache},mode=max,ignore-error=true",
        ]
    values = {
        "unless": unless,
        "buildx": plan.uses["docker/setup-buildx-action"],
        "bake": plan.uses["docker/bake-action"],
        "environment": plan.environment,
        "state": plan.state,
        "targets": ",".join(plan.targets),
        "allow": "allow: network.host" if plan.host_network else "",
        "overrides": "\n".join(overrides),
    }
    return filled("github-layers", values)


def _compare(plan: Plan, values: dict[str, str]) -> str:
    # A job that ends well says its warning in the run's list of annotations.
    codes = shell.meaning(shell.COMPARED, _say, not plan.ci.strict)
    own = {
        "steps": _steps(plan, quoted(plan.ci.python[0])),
        "layers": _layers(plan),
        "comparison": shell.comparison(plan.ci),
        "comparedcodes": codes,
        "reports": f"{plan.state}/reports",
        "download": plan.uses["actions/download-artifact"],
    }
    return filled("github-compare", {**values, **own})


def _own(plan: Plan, values: dict[str, str]) -> str:
    steps = _steps(plan, quoted(plan.ci.python[0]))
    return "\n".join(
        filled(
            "github-own", {**values, "steps": steps, "slug": name, "name": name, "command": line}
        )
        for name, line in plan.ci.commands.items()
    )
