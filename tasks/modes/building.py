"""Images are built by Buildx bake: all at once, each step cached, under one account of failure."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EnvironmentFailed
from ..stack.engine import error_text
from ..stack.isolation import write_compose_file
from .baking import Asked, Baking, baking, leave
from .origin import origin_of

if TYPE_CHECKING:
    from python_on_whales import DockerClient

PROGRESS = ("auto", "plain", "quiet", "rawjson", "tty")
_DRAWN = ("auto", "tty")
"""What Buildx draws itself, on the terminal that it finds."""
_SHOWN_LINES = 30
_STEP = re.compile(r"#\d+ \[(?!.*\binternal\b)(?P<what>.+)")
"""The builder's line that begins a step: `#15 [tests build 3/3] RUN ...`."""
_STEP_COLUMNS = 72
_FAILED = re.compile(r" > \[(?!.*\binternal\b)(?P<step>.+):")
_PLACE = re.compile(r"(?P<place>[^\s:]+:\d+)")
"""`Dockerfile:4`, on a line of its own above an excerpt of the file."""

_CANNOT_ATTEST = (
    "Attestation is not supported",
    "does not currently support exporting manifest lists",
)
_SCANNER = "docker/buildkit-syft-scanner:stable-1"
"""BuildKit's own; `generator=` names another."""


def build(
    client: DockerClient,
    document: Mapping[str, Any],
    project: str,
    services: Iterable[str],
    tell: Callable[[str], None],
    asked: Asked = Asked(),  # noqa: B008 - frozen
) -> None:
    """Build the images of these services; `tell` hears of each step.

    Raises EnvironmentFailed with the step that failed, its line and the builder's last lines.
    """
    names = sorted(services)
    if not names:
        return
    version = _buildx(client)
    if not version:
        if asked.attest or asked.progress:
            raise EnvironmentFailed(
                "The docker command has no Buildx plugin (`docker buildx version` fails), and only "
                "Buildx can do what was asked for. Install docker-buildx-plugin."
            )
        tell("no Buildx plugin: Compose builds")
        _compose(client, names, tell, asked)
        return
    origins = {name: origin_of(document["services"][name]["build"]) for name in names}
    made = baking(document, project, names, origins)
    if made.left and (asked.attest or asked.progress):
        some = "; ".join(f"{name} ({', '.join(keys)})" for name, keys in made.left.items())
        raise EnvironmentFailed(
            f"Only Compose can build {some}, which knows neither --sbom, --provenance nor "
            "--progress. Leave these out, or name other services."
        )
    if made.targets:
        _bake(client, made, leave(version, made.host_network), tell, asked)
    if made.left:
        for name, keys in made.left.items():
            tell(f"{name}: {', '.join(keys)}: Compose builds it")
        _compose(client, sorted(made.left), tell, asked)


def _bake(
    client: DockerClient,
    made: Baking,
    allowed: list[str],
    tell: Callable[[str], None],
    asked: Asked,
) -> None:
    from python_on_whales.exceptions import DockerException

    lines: list[str] = []
    names = list(made.targets.values())
    # Values of arguments may be secrets: a folder of ours alone, gone with the build.
    with tempfile.TemporaryDirectory(prefix="tranship-bake-") as folder:
        path = Path(folder) / "bake.yaml"
        write_compose_file(made.document, path)
        arguments: dict[str, Any] = {
            # `bake` of python-on-whales has no argument for what is between.
            "targets": [*allowed, *_attesting(asked), *made.targets],
            "files": [path],
            "load": True,
            "cache": asked.cache,
            "pull": asked.pull,
            # Else Buildx adds some of its own where it can, and no two builds are the same.
            "variables": {} if asked.attest else {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
        }
        try:
            if asked.progress in _DRAWN:
                client.buildx.bake(**{**arguments, "progress": asked.progress})
                return
            arguments["progress"] = "rawjson" if asked.progress == "rawjson" else "plain"
            for line in _lines(client.buildx.bake(**arguments, stream_logs=True)):
                lines.append(line)
                _told(line, tell, asked.progress)
        except DockerException as error:
            raise failure(names, error_text(error), lines, asked) from error


def _attesting(asked: Asked) -> Iterator[str]:
    for attestation in asked.attest:
        yield from ("--set", f"*.attest={attestation}")


def _lines(stream: Iterable[Any]) -> Iterator[str]:
    for item in stream:
        line = str(item).rstrip()
        if line:
            yield line


def _told(line: str, tell: Callable[[str], None], progress: str) -> None:
    if progress in {"plain", "rawjson"}:
        tell(line)
    elif not progress:
        step = _STEP.match(line)
        if step:
            tell(f"building {step['what']}"[:_STEP_COLUMNS])


def failure(names: list[str], said: str, lines: list[str], asked: Asked) -> EnvironmentFailed:
    """Return the error of a build that failed, with the step and the line where it did."""
    reason = re.sub(r"^ERROR: |^target \S+: ", "", re.sub(r"^ERROR: ", "", said))
    text = "\n".join([said, *lines])
    if any(words in text for words in _CANNOT_ATTEST):
        return EnvironmentFailed(
            "This builder cannot attest (--sbom, --provenance). The engine's own builder "
            'can with the containerd image store: "features": {"containerd-snapshotter": true} in '
            "/etc/docker/daemon.json, which hides the images that the engine has now. "
            "Nothing was built."
        )
    if _SCANNER.partition(":")[0] in text and any("sbom" in item for item in asked.attest):
        return EnvironmentFailed(
            f"The image that makes an SBOM cannot be had: {reason}. Load {_SCANNER} from a "
            "registry that answers, or name another: --sbom generator=IMAGE."
        )
    step = next((found["step"] for line in lines if (found := _FAILED.fullmatch(line))), "")
    place = next((found["place"] for line in lines if (found := _PLACE.fullmatch(line))), "")
    where = ", ".join(
        part for part in (f"at {place}" if place else "", f"in [{step}" if step else "") if part
    )
    shown = "\n".join(f"    {line}" for line in lines[-_SHOWN_LINES:])
    return EnvironmentFailed(
        f"Building {', '.join(names)} failed: {reason}{f' ({where})' if where else ''}\n{shown}"
    )


def _compose(
    client: DockerClient, names: list[str], tell: Callable[[str], None], asked: Asked
) -> None:
    from python_on_whales.exceptions import DockerException

    lines: list[str] = []
    try:
        for _, raw in client.compose.build(
            services=names,
            progress="plain",
            stream_logs=True,
            pull=asked.pull,
            cache=asked.cache,
        ):
            line = raw.decode(errors="replace").rstrip()
            if line:
                lines.append(line)
                _told(line, tell, "")
    except DockerException as error:
        raise failure(names, error_text(error), lines, asked) from error


def _buildx(client: DockerClient) -> str:
    """Return what `docker buildx version` says; empty without the plugin."""
    from python_on_whales.exceptions import DockerException

    try:
        return str(client.buildx.version())
    except DockerException:
        return ""
