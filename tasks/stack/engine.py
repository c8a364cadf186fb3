"""The way to the container engine: one client per compose project, and what may be wrong.

Every call goes through python-on-whales with a shell that is kept out: `env -u NAME ...`
removes the variables that would override Compose's interpolation, by name, so that no
value ever stands in an argument list.
"""

from __future__ import annotations

import copy
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ComposeFileError, EngineUnavailable, EnvironmentFailed, TranshipError
from ..settings import Settings
from .envfiles import compose_variables
from .files import compose_document, read_yaml
from .model import Stack, parse
from .unset import where_to_set

if TYPE_CHECKING:
    from python_on_whales import DockerClient

OLDEST_COMPOSE = (2, 20)
"""start_interval came with Compose 2.20, and `config` prints complete documents since."""

_KEPT = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TERM|TMPDIR|XDG_RUNTIME_DIR|SSH_AUTH_SOCK"
    r"|DOCKER_\w+|BUILDX_\w+|BUILDKIT_\w+|(?i:https?_proxy|no_proxy|all_proxy)|SSL_CERT_\w+"
)
"""What the docker command itself needs to reach its engine; it is never a project's setting."""

_NO_COMPOSE = re.compile(r"is not a docker command|unknown (shorthand )?flag|unknown command")
"""What the docker command says when it has no Compose plugin, from version to version."""

START_IT = "Start it (`sudo systemctl start docker`)."

GET_AN_ENGINE = (
    "Install Docker Engine with the Compose plugin (docs.docker.com/engine/install), "
    "or run `scripts/run setup` as root on Debian."
)


@dataclass(frozen=True)
class ComposeProject:
    """What one `docker compose` call names: files, project, variables."""

    files: tuple[Path, ...]
    name: str | None = None
    """The project's name; None: what the files say."""
    directory: Path | None = None
    env_files: tuple[Path, ...] = ()
    profiles: tuple[str, ...] = ()
    pass_env: tuple[str, ...] = ()

    def client(self) -> DockerClient:
        """Return a client for this project in a shell without the caller's variables."""
        from python_on_whales import DockerClient

        # It logs whole command lines, and nox turns logging up to DEBUG.
        logging.getLogger("python_on_whales").setLevel(logging.WARNING)
        return DockerClient(
            client_call=call(self.pass_env),
            compose_files=list(self.files),
            compose_project_name=self.name,
            compose_project_directory=self.directory,
            compose_env_files=list(self.env_files),
            compose_profiles=list(self.profiles),
        )


_asked: ContextVar[dict[ComposeProject, tuple[dict[str, Any], bool]] | None] = ContextVar(
    "asked", default=None
)


def call(pass_env: tuple[str, ...] = ()) -> list[str]:
    """Return the argv prefix that runs docker without the caller's own variables."""
    dropped = sorted(set(os.environ) - set(kept_shell(pass_env)))
    prefix = ["env", *(word for name in dropped for word in ("-u", name))] if dropped else []
    return [*prefix, shutil.which("docker") or "docker"]


def kept_shell(pass_env: tuple[str, ...] = ()) -> dict[str, str]:
    """Return this shell's variables that the docker command, and so Compose, gets to see."""
    return {
        name: value
        for name, value in os.environ.items()
        if _KEPT.fullmatch(name) or name in pass_env
    }


def developers_own(settings: Settings) -> ComposeProject:
    """Return the project as its files declare it, under its own name and ports.

    Raises ComposeFileError when there is no compose file.
    """
    files = settings.stack_files
    if not files:
        raise ComposeFileError(
            f"No compose file in {settings.root}. "
            'Name one in pyproject.toml: [tool.tranship] compose-files = ["compose.yaml"].'
        )
    candidates = (
        settings.state_directory / "images.env",
        files[0].parent / ".env",
        settings.root / ".env",
    )
    existing = tuple(dict.fromkeys(path for path in candidates if path.is_file()))
    return ComposeProject(
        files=files,
        # Without any --env-file Compose reads ./.env of the folder it happens to run in.
        env_files=existing or (Path(os.devnull),),
        pass_env=settings.pass_env,
    )


def load(settings: Settings) -> Stack:
    """Return the stack; `Stack.confirmed` says whether Compose itself resolved it.

    Raises ComposeFileError for files that cannot be read as a stack.
    """
    project = developers_own(settings)
    document, confirmed = document_of(project)
    return parse(document, project.files, confirmed=confirmed)


def document_of(project: ComposeProject) -> tuple[dict[str, Any], bool]:
    """Return the resolved compose document, with `$` unescaped, and whether Compose made it.

    Raises ComposeFileError with file and key.
    """
    known = _asked.get()
    if known is None:
        return _document_of(project)
    if project not in known:
        known[project] = _document_of(project)
    document, confirmed = known[project]
    return copy.deepcopy(document), confirmed


@contextmanager
def asked_once() -> Iterator[None]:
    """Ask Compose once for each project while the block runs, 0.1 s each.

    For a command of several steps, which then all see the compose files as they were first.
    """
    token = _asked.set({})
    try:
        yield
    finally:
        _asked.reset(token)


def _document_of(project: ComposeProject) -> tuple[dict[str, Any], bool]:
    # Read here first: Compose's own syntax errors name neither file nor column.
    written = [read_yaml(path) for path in project.files]
    if shutil.which("docker") is None:
        return _from_files(project), False
    from python_on_whales.exceptions import DockerException

    try:
        raw = replace(project, profiles=("*",)).client().compose.config(return_json=True)
    except DockerException as error:
        # Not error_text: some versions print the whole usage after that line.
        if _NO_COMPOSE.search(error.stderr or ""):
            return _from_files(project), False
        where = ", ".join(str(path) for path in project.files)
        text = error_text(error)
        more = where_to_set(text, project.files, project.pass_env)
        raise ComposeFileError(f"{where}: {text}{more}") from error
    return _with_extensions(_unescaped(raw), written), True


def _with_extensions(document: dict[str, Any], written: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the document with the services' x-tranship, which Compose 2.26 leaves out."""
    for source in written:
        for name, body in (source.get("services") or {}).items():
            if isinstance(body, dict) and "x-tranship" in body and name in document["services"]:
                document["services"][name]["x-tranship"] = body["x-tranship"]
    return document


def _from_files(project: ComposeProject) -> dict[str, Any]:
    given = compose_variables(kept_shell(project.pass_env), project.env_files)
    variables = {name: item.value for name, item in given.items()}
    try:
        return compose_document(project.files, variables)
    except ComposeFileError as error:
        more = where_to_set(str(error), project.files, project.pass_env)
        raise ComposeFileError(f"{error}{more}") from error


def _unescaped(value: Any) -> Any:
    # `config` prints every literal dollar twice, so that its output can be read again.
    if isinstance(value, dict):
        return {key: _unescaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unescaped(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def require_engine(client: DockerClient) -> None:
    """Return when an engine with Compose v2 answers.

    Raises EngineUnavailable with the mend otherwise.
    """
    from python_on_whales.exceptions import DockerException

    if shutil.which("docker") is None:
        raise EngineUnavailable(f"No docker command on PATH. {GET_AN_ENGINE}")
    try:
        answered = client.version().server is not None
    except DockerException as error:
        message = error_text(error)
        if "permission denied" in message.lower():
            raise EngineUnavailable(
                "No permission on the Docker socket. Add yourself to its group "
                "(`sudo usermod -aG docker $USER`, then log in again), or use rootless Docker."
            ) from error
        raise EngineUnavailable(
            f"No Docker engine answers ({message}). {START_IT} {GET_AN_ENGINE}"
        ) from error
    if not answered:
        raise EngineUnavailable(f"No Docker engine answers. {GET_AN_ENGINE}")
    try:
        found = client.compose.version()
    except DockerException as error:
        raise EngineUnavailable(
            "The docker command has no Compose v2 plugin (`docker compose version` fails). "
            "Install docker-compose-plugin (docs.docker.com/compose/install)."
        ) from error
    numbers = re.search(r"(\d+)\.(\d+)", found)
    if numbers and tuple(int(part) for part in numbers.groups()) < OLDEST_COMPOSE:
        raise EngineUnavailable(
            f"Compose {numbers[0]} is too old: 2.20 or newer is needed. "
            "Upgrade docker-compose-plugin."
        )


def answering_client(settings: Settings) -> DockerClient | None:
    """Return a client when an engine answers, else None."""
    try:
        client = developers_own(settings).client()
        require_engine(client)
    except (EnvironmentFailed, ComposeFileError):
        return None
    return client


def error_text(error: BaseException) -> str:
    """Return the last telling line of what the docker command wrote to standard error.

    Our own errors are whole already: their message is returned.
    """
    if isinstance(error, TranshipError):
        return str(error)
    stderr = getattr(error, "stderr", None)
    text = stderr.decode(errors="replace") if isinstance(stderr, bytes) else stderr or ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    noise = ("time=", "See '", "Usage:", "Run 'docker", "exit status")
    telling = [line for line in lines if not line.startswith(noise)]
    # Never str(error): it is the whole command line.
    code = getattr(error, "return_code", None)
    fallback = f"docker exited with code {code}" if code is not None else type(error).__name__
    return (telling or lines or [fallback])[-1]


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn a DockerException inside the block into EnvironmentFailed that says what failed."""
    from python_on_whales.exceptions import DockerException

    try:
        yield
    except DockerException as error:
        said = error_text(error)
        raise EnvironmentFailed(f"{doing} failed: {said}{mend_of(said)}") from error


def mend_of(said: str) -> str:
    """Return what to do about an engine that is gone; empty for whatever else it says."""
    gone = ("Cannot connect to the Docker daemon", "error during connect")
    return f" {START_IT}" if any(mark in said for mark in gone) else ""
