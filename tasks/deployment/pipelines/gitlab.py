"""The pipeline for GitLab."""

from __future__ import annotations

from . import shell
from .plan import Plan
from .template import filled, listed, quoted, script

PATH = ".gitlab-ci.yml"
_NETWORK = "--buildkitd-flags '--allow-insecure-entitlement network.host' "
_ALLOW = """\
allow=
# Buildx asks for it from 0.15 on, and has not heard of it before.
if docker buildx bake --help | grep -q -e --allow; then allow=--allow=network.host; fi"""


def pipeline(plan: Plan, output: str = "") -> str:
    """Return the pipeline; `output` is the option that it checks itself with."""
    ci = plan.ci
    path = shell.on_path(ci.path, lambda folder: f'export PATH="$PWD/{folder}:$PATH"')
    values = {
        "branch": quoted(ci.branch),
        "python": quoted(ci.python[0]),
        "pythons": listed(ci.python),
        "modes": listed(ci.modes),
        "image": quoted(ci.image.replace("{python}", "$PYTHON")),
        "tags": f"tags: {listed(ci.tags)}" if ci.tags else "",
        "timeout": str(ci.timeout),
        # GitLab takes two files at most.
        "dependencies": listed(plan.dependencies[:2]),
        "setup": script((*plan.setup, *path)),
        "engine": filled("gitlab-engine", {}) if ci.engine == "job" else "",
        "layers": _layers(plan),
        "artefacts": "\n".join(f"- {plan.state}/{it}" for it in ("reports", "trials", "logs")),
        "output": output,
        "dispatch": shell.dispatch(),
        "provedcodes": shell.meaning(shell.PROVED, _say, False),
        "state": plan.state,
    }
    values["compare"] = _compare(plan, values) if plan.compared else ""
    values["own"] = "\n".join(
        filled("gitlab-own", {"name": name, "command": line}) for name, line in ci.commands.items()
    )
    return filled("gitlab", values)


def _say(level: str, text: str) -> str:
    return f'echo "{level}: {text}"'


def _layers(plan: Plan) -> str:
    if not plan.targets:
        return ""
    overrides = [
        f"--set '{target}.cache-{way}' \\"
        for target in plan.targets
        for way in (
            f"from=type=local,src=.cache/layers/{target}",
            f"to=type=local,dest=.cache/new/{target},mode=max",
        )
    ]
    values = {
        "environment": plan.environment,
        "state": plan.state,
        "overrides": "\n".join(overrides),
        "targets": " ".join(plan.targets),
        "flags": _NETWORK if plan.host_network else "",
        "allow": _ALLOW if plan.host_network else "",
        "allowed": "${allow:+$allow} " if plan.host_network else "",
    }
    return filled("gitlab-layers", values)


def _compare(plan: Plan, values: dict[str, str]) -> str:
    # GitLab has a colour of its own for a job that may fail: the code stays what it is.
    lenient = "allow_failure: {exit_codes: [5]}"
    own = {
        "comparison": shell.comparison(plan.ci),
        "comparedcodes": shell.meaning(shell.COMPARED, _say, False),
        "inconclusive": "" if plan.ci.strict else lenient,
    }
    return filled("gitlab-compare", {**values, **own})
