"""Planning: what hardening adds to the production stack as its compose files have it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...envmap.project import Project, open_project
from ...envmap.show import PRODUCTION
from ...errors import ComposeFileError, RecordError, SettingsError, UsageError
from ...modes import leftovers
from ...modes.production import with_made_up_secrets
from ...settings import Settings
from ...stack import engine, isolation
from ...stack.files import read_yaml
from ...stack.model import parse
from ...trials import record
from . import networks, rules
from .model import Facts, Hardened, Line
from .overlay import require_generated, text_of

Tell = Callable[[str], None]


@contextmanager
def production_of(settings: Settings) -> Iterator[Project]:
    """Yield the production stack without what `inv docker.harden` has written, secrets made up."""
    bare = unhardened(settings)
    engine.developers_own(bare)
    for path in bare.compose_files:
        read_yaml(path)  # before there is a folder to remove again
    with isolation.new_run(settings.root, settings.runs) as run:
        try:
            yield open_project(with_made_up_secrets(bare, run.directory / "layers"))
        finally:
            leftovers.remove_folder(run.directory)


def unhardened(settings: Settings) -> Settings:
    """Return the production settings with the overlay, and without its hardening."""
    found = settings.in_environment(PRODUCTION)
    files = tuple(path for path in found.stack_files if path != found.hardened_file)
    return replace(found, compose_files=files, overlay="")


def planned(settings: Settings, services: Iterable[str] = ()) -> Hardened:
    """Return what hardening adds, by what is known without starting anything.

    Raises UnknownServiceError, and what reading the stack raises.
    """
    with production_of(settings) as project:
        chosen = chosen_of(project, services)
        client = engine.answering_client(settings)
        facts = tuple(facts_of(project, name, client) for name in chosen)
        return hardened(project, facts, whole=not tuple(services))


def chosen_of(project: Project, services: Iterable[str]) -> tuple[str, ...]:
    """Return the services that are meant: those named, else all of production but the suite."""
    stack = project.stack
    named = tuple(stack.service(name).name for name in services)
    suite = project.settings.suite.service
    return named or tuple(service.name for service in stack.selected() if service.name != suite)


def facts_of(project: Project, name: str, client: Any) -> Facts:
    """Return what is known of a service."""
    body = project.document["services"][name]
    mapped = project.envmap.mapping.written(name)
    return Facts(
        name,
        body,
        image_user=_image_user(client, project, name),
        memory_peak=_memory_peak(project.settings, name),
        oneshot=project.stack.expected_to_exit(name),
        mapped=frozenset(mapped),
    )


def hardened(project: Project, facts: Iterable[Facts], *, whole: bool) -> Hardened:
    """Return the lines of these services, and those of the networks where all are meant."""
    settings = project.settings.harden
    everything = tuple(facts)
    names = [item.name for item in everything]
    bodies: Mapping[str, Any] = project.document["services"]
    for known in (*settings.publish, *settings.egress):
        project.stack.service(known)
    proxies = networks.proxies({name: bodies[name] for name in names}, settings.publish)
    lines: list[Line] = []
    notes: list[str] = []
    for item in everything:
        for rule in rules.RULES:
            for found in rule(item, settings):
                if isinstance(found, Line):
                    lines.append(found)
                else:
                    notes.append(f"{item.name}: {found}")
        if whole:
            lines += [x for x in rules.published(item, proxies) if isinstance(x, Line)]
    if whole:
        outside = proxies | frozenset(settings.egress)
        added, said = networks.network_lines(project.document, names, outside)
        lines += added
        notes += said
    folder = project.settings.state_directory / "secrets" / PRODUCTION
    for name in dict.fromkeys(x for line in lines if line.key == ("secrets",) for x in line.value):
        path = os.path.relpath(folder / name, project.compose.files[0].parent)
        lines.append(Line("", ("secrets", name, "file"), path, "written when the stack starts"))
    return Hardened(tuple(lines), tuple(notes))


def _image_user(client: Any, project: Project, name: str) -> str | None:
    from python_on_whales.exceptions import DockerException

    image = project.stack.services[name].image or f"{project.stack.name}-{name}"
    own = isolation.own_image_name(image, isolation.checkout_id(project.settings.root))
    for known in (image, own) if client is not None else ():
        with suppress(DockerException):
            return str(client.image.inspect(known).config.user or "")
    return None


def _memory_peak(settings: Settings, name: str) -> int | None:
    """Return the most that a service used in the newest runs in containers, in bytes."""
    found: list[int] = []
    for mode in (PRODUCTION, "docker"):
        with suppress(RecordError):
            figures = record.newest(settings.trials, mode).services.get(name)
            if figures is not None:
                series = figures.series.memory_bytes if figures.series else ()
                found += [value for value in (*series, figures.memory_bytes) if value]
    return max(found, default=None)


def write(settings: Settings, plan: Hardened, output: str = "", *, force: bool = False) -> Path:
    """Write the override where Compose resolves the stack with it, and return its path.

    Raises UsageError for a file that a person changed, or a stack that would not resolve;
    nothing is written then.
    """
    path = target_of(settings, output)
    if not force:
        require_generated(path)
    text = text_of(plan.lines)
    with production_of(settings) as project, tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "hardened.yaml"
        trial.write_text(text, encoding="utf-8")
        files = (*project.compose.files, trial)
        directory = project.compose.files[0].parent
        try:
            changed = replace(project.compose, files=files, directory=directory)
            document, confirmed = engine.document_of(changed)
            parse(document, project.compose.files, confirmed=confirmed)
        except (ComposeFileError, SettingsError) as error:
            raise UsageError(
                f"The stack would not resolve with what hardening adds, so nothing was "
                f"written: {error}"
            ) from error
    try:
        isolation.write_private(path, text)
        path.chmod(0o644)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error
    return path


def target_of(settings: Settings, output: str) -> Path:
    """Return where the override goes."""
    return Path(output).absolute() if output else settings.in_environment(PRODUCTION).hardened_file
