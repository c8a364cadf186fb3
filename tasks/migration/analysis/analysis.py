"""The analysis of a project: everything is looked at once, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ...envmap import checks
from ...envmap.detect import Detected, detect
from ...envmap.project import Project, open_project
from ...envmap.secrets import mask_text, mask_value
from ...envmap.subject import subject_of
from ...errors import EnvironmentFailed
from ...settings import Settings
from ...stack.engine import answering_client
from . import hadolint, running, timing
from .building import check_building
from .connections import connections, logs
from .exposure import check_exposure, taken_ports
from .gather import look_at
from .health import check_health
from .images import megabytes
from .lasting import check_lasting, log_driver, unbounded
from .layers import check_layers, large_layers
from .look import Look
from .model import HEADINGS, SEVERITIES, Finding, Heading, Report, Row, Table
from .silences import silenced

_RULES: tuple[Callable[[Look], Iterator[Finding]], ...] = (
    check_health,
    check_exposure,
    check_lasting,
    check_building,
)
_ABOUT_NETWORK = frozenset({"TE001", "TE002", "TE003", "TE010", "TE011"})
"""The rules of env.check that are about addresses; the others are about variables."""


def analyze(settings: Settings, tell: Callable[[str], None], *, build: bool = False) -> Report:
    """Return the report of a project; raises what opening a project raises.

    With `build`, every image is built without the cache to time its steps.
    """
    tell("the stack")
    project = open_project(settings)
    client = answering_client(settings)
    tell("what runs")
    detected = detect(settings, project.stack)
    now = running.running(settings, client is not None)
    tell("images and files")
    look, unread = look_at(project, client)
    linted, silent = _linted(look)
    subject = subject_of(project)
    if build and client is None:
        raise EnvironmentFailed("Nothing can be built here: no engine answers. See inv env.detect.")
    steps = timing.timed(project, look, tell) if build else ()
    found = [
        *own_findings(look),
        *timing.check_steps(steps),
        *taken_ports(look, running.strangers(detected, now.owners)),
        *linted,
        *check_layers(look, linted=not silent),
        *_of_env_check(checks.check(subject, settings.silence)),
    ]

    def hide(text: str) -> str:
        return mask_text(mask_value("", text), project.hidden)

    tables = {
        "running": now.table(),
        "ports": running.ports(detected, now.owners),
        "tools": running.tools(detected),
        "images": _images(look, client is not None),
        "layers": _layers(look),
        **({"steps": timing.table(steps, look.root)} if build else {}),
        "connections": connections(subject, project.hidden),
        "logs": logs(_logs(look)),
    }
    remarks = [*now.remarks, *unread, *silent, *_unconfirmed(project, detected)]
    return Report(
        project=project.stack.name,
        environment=settings.environment,
        root=settings.root,
        tables={key: _hidden(table, hide) for key, table in tables.items()},
        findings=tuple(
            # Commands of Dockerfiles may hold a secret.
            replace(item, message=hide(item.message))
            for item in sorted(silenced(found, settings.silence), key=_order)
        ),
        remarks=tuple(hide(remark) for remark in remarks),
    )


def _hidden(table: Table, hide: Callable[[str], str]) -> Table:
    return replace(table, rows=tuple(tuple(map(hide, row)) for row in table.rows))


def fixable(settings: Settings) -> tuple[Finding, ...]:
    """Return the findings that can be mended here and that no silence accepts."""
    project = open_project(settings)
    look, _ = look_at(project, answering_client(settings))
    found = sorted(silenced(list(own_findings(look)), settings.silence), key=_order)
    return tuple(item for item in found if item.fix is not None and item.silenced is None)


def own_findings(look: Look) -> Iterator[Finding]:
    """Yield what the rules that look at files and images find."""
    for rule in _RULES:
        yield from rule(look)


def _linted(look: Look) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    files = [build.file.path for build in look.builds if build.file is not None]
    program = hadolint.command()
    if not files:
        return (), ()
    if program is None:
        return (), (hadolint.ABSENT,)
    try:
        return hadolint.lint(program, files, look.root), ()
    except EnvironmentFailed as error:
        return (), (str(error),)


def _of_env_check(found: Sequence[checks.Finding]) -> Iterator[Finding]:
    for item in found:
        rule = checks.RULES[item.rule]
        heading: Heading = "network" if item.rule in _ABOUT_NETWORK else "environment variables"
        yield Finding(
            rule=item.rule,
            name=rule.name,
            severity=item.severity,
            heading=heading,
            message=item.message,
            mend=item.mend,
            services=(item.service,) if item.service else (),
            places=(item.origin,) if item.origin else (),
            silenced=item.silenced,
        )


def _images(look: Look, engine: bool) -> Table:
    users: dict[str, list[str]] = {}
    for name in look.stack.services:
        users.setdefault(look.image_of(name), []).append(name)
    rows = []
    for name, services in sorted(users.items()):
        image = look.images.get(name)
        size, count = (
            ("not here" if engine else "unknown", "-")
            if image is None
            else (
                megabytes(image.size),
                str(sum(layer.size > 0 for layer in image.layers)),
            )
        )
        rows.append((name, ", ".join(services), size, count))
    headers = ("image", "services", "size", "layers")
    return Table("Images", headers, tuple(rows), "No images.")


def _layers(look: Look) -> Table:
    rows: list[Row] = []
    for build in look.builds:
        for large in large_layers(look, build.image) if build.image in look.images else ():
            place = large.place(build)
            where = place.shown(look.root) if place else ""
            size = megabytes(large.layer.size)
            row = (build.image, size, f"{large.share:.0%}", where, large.command, large.reason)
            rows.append(row)
    title = "Large layers (over 50 MB, or a fifth of the image)"
    headers = ("image", "size", "share", "line", "made by", "what it holds")
    return Table(title, headers, tuple(rows), "None in the images that are built here.")


def _logs(look: Look) -> Iterator[Row]:
    for name in look.stack.services:
        driver, options = log_driver(look, name)
        size = options.get("max-size")
        kept = "nothing" if unbounded(look, name) else "the driver, or the engine's settings"
        yield name, driver, f"max-size {size}" if size else kept


def _unconfirmed(project: Project, detected: Detected) -> Iterator[str]:
    if not project.stack.confirmed:
        yield "No docker command: read from the files alone, not confirmed by Compose."
    elif detected.engine.version is None:
        problem = (detected.engine.problem or "").rstrip(".")
        yield f"No engine answers, so images were not looked at: {problem}."


def counting(report: Report) -> tuple[Finding, ...]:
    """Return the findings that no silence accepts."""
    return tuple(item for item in report.findings if item.silenced is None)


def _order(item: Finding) -> tuple[bool, int, int, str, str, int]:
    place = item.places[0] if item.places else None
    return (
        item.silenced is not None,
        HEADINGS.index(item.heading),
        SEVERITIES.index(item.severity),
        item.rule,
        str(place.file) if place else "",
        place.line if place else 0,
    )
