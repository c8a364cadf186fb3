"""Manifests against the schemas of several versions of Kubernetes, and against kubectl.

kubectl's own `--dry-run=client` asks a cluster which kinds there are, also with
`--validate=false`. Without one, `kubectl set env --local` decodes every object into the
API's types, and `kubectl kustomize` renders.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from ...errors import EnvironmentFailed, SettingsError, UsageError, near
from .environment import SHORTEST
from .layouts import SECRETS
from .model import Manifest

NEWEST = 4
"""How many versions are checked where none is named."""
GET_IT = (
    'kubernetes-validate is not installed: pip install "tranship[k8s]". '
    "--no-validate exports without it."
)
_SECONDS = 60.0
_NO_CONTAINERS = (
    r"(error: )?([\w.-]+/[\w.-]+)?\s*"
    r"(the object is not a pod or does not have a pod template: \*[\w.]+)?"
)
"""What `set env` says of each object without containers, once it has decoded it."""


def versions_of(wanted: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the versions to check, such as 1.34; without names the newest that are known.

    Raises EnvironmentFailed without kubernetes-validate, SettingsError for an unknown version.
    """
    try:
        from kubernetes_validate.utils import all_versions, major_minor
    except ImportError as error:
        raise EnvironmentFailed(GET_IT) from error
    # Twice each: beside the schemas of a version stand its strict ones.
    known = list(dict.fromkeys(major_minor(version) for version in all_versions()))
    chosen = [version.strip().removeprefix("v") for version in wanted if version.strip()]
    for version in chosen:
        # The library itself takes the nearest older one for a version that it does not know.
        if version not in known:
            raise SettingsError(
                f"No schemas of Kubernetes {version}{near(version, known)}. "
                f"Versions: {', '.join(known)}."
            )
    return tuple(dict.fromkeys(chosen)) or tuple(known[-NEWEST:])


def validate(manifests: Iterable[Manifest], versions: Iterable[str]) -> int:
    """Return how many manifests there are, all valid; raises UsageError for the first others."""
    import kubernetes_validate
    from kubernetes_validate.utils import SchemaNotFoundError

    found = list(manifests)
    wrong = []
    for version in versions:
        for item in found:
            named = f"{item['kind']} {item['metadata']['name']}, Kubernetes {version}"
            try:
                kubernetes_validate.validate(dict(item), version, strict=True)
            except SchemaNotFoundError:
                wrong.append(f"{named}: has no {item['apiVersion']} {item['kind']}")
            except kubernetes_validate.ValidationError as error:
                where = ".".join(str(part) for part in error.absolute_path)
                # The message quotes the value, which may be a secret.
                wrong.append(
                    f"{named}: {where}: is not what the schema's {error.validator!r} allows"
                )
    if wrong:
        raise UsageError("\n".join(["The manifests are not valid; nothing is written:", *wrong]))
    return len(found)


def kubectl() -> str | None:
    """Return the kubectl on PATH, or None."""
    return shutil.which("kubectl")


def try_with_kubectl(program: str, files: Mapping[PurePosixPath, str]) -> list[str]:
    """Return what kubectl did with the files, without a cluster.

    Raises UsageError with what it says when it refuses one.
    """
    with tempfile.TemporaryDirectory(prefix="tranship-k8s-") as name:
        folder = Path(name)
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch(0o600)
            target.write_text(text, encoding="utf-8")
        overlays = sorted(path.parent for path in folder.glob("overlays/*/kustomization.yaml"))
        rendered = {path.name: _run(program, ["kustomize", str(path)], folder) for path in overlays}
        if not overlays:
            rendered[""] = "".join(text for path, text in files.items() if path.suffix == ".yaml")
        for environment, text in rendered.items():
            target = folder / f"rendered-{environment}.yaml"
            target.touch(0o600)
            target.write_text(text, encoding="utf-8")
            # A variable that nothing has: all that is done is decoding.
            words = ["set", "env", "--local", "-o", "name", "-f", str(target), "TRANSHIP_NONE-"]
            _run(program, words, folder, _NO_CONTAINERS)
    done = ["decodes every object"]
    return [f"renders {len(overlays)} overlays", *done] if overlays else done


def _run(program: str, arguments: list[str], folder: Path, expected: str = "") -> str:
    """Return what kubectl prints; after a non-zero exit, lines that are `expected` are none."""
    kept = {key: os.environ[key] for key in ("HOME", "PATH", "LANG") if key in os.environ}
    try:
        done = subprocess.run(
            [program, *arguments],
            # No cluster of the caller's is asked.
            env={**kept, "KUBECONFIG": os.devnull},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFailed(f"kubectl {arguments[0]}: {type(error).__name__}.") from error
    said = re.sub(re.escape(str(folder)) + "/?", "", done.stderr).strip().splitlines()
    telling = [
        line.strip()
        for line in said
        if line.strip() and not (expected and re.fullmatch(expected, line.strip()))
    ]
    if done.returncode and (telling or not expected):
        raise UsageError(
            f"kubectl {arguments[0]} refuses the manifests; nothing is written: "
            f"{telling[-1] if telling else f'exit code {done.returncode}'}"
        )
    return done.stdout


def require_no_secret(files: Mapping[PurePosixPath, str], secrets: Iterable[str]) -> None:
    """Return when no file but that of the Secrets holds one; raises UsageError otherwise."""
    known = [secret for secret in secrets if len(secret) >= SHORTEST]
    for path, text in files.items():
        if path.name != SECRETS and any(secret in text for secret in known):
            raise UsageError(
                f"{path}: a secret of the layers would stand in it in clear; nothing is written. "
                "Take it out of the compose file, or choose a secret that is no common word."
            )
