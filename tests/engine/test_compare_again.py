"""A second `nox -s compare` with nothing changed builds nothing and installs nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

from .projects import Project, docker, free_port, suite_of, web

# Its output is another one each time it runs: an image that is the same was not built again.
DOCKERFILE = """\
ARG BASE
FROM ${BASE}
RUN head -c 16 /dev/urandom > /built
COPY service.py /srv/service.py
"""


def wheel(folder: Path) -> Path:
    """Make a package that an index need not have."""
    files = {
        "tiny.py": "",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    rows = [
        f"{name},sha256="
        f"{base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},"
        f"{len(text.encode())}"
        for name, text in files.items()
    ]
    files["tiny-1.0.dist-info/RECORD"] = "\n".join([*rows, "tiny-1.0.dist-info/RECORD,,", ""])
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def times(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.lstat().st_mtime_ns
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts
    }


def test_nothing_changed_is_nothing_built(
    project: Project, suite_packages: Path, tmp_path: Path
) -> None:
    service: dict[str, Any] = web(free_port())
    base = service.pop("image")
    del service["volumes"]
    service["build"] = {"context": ".", "args": {"BASE": base}}
    service["image"] = f"{project.name}-web"
    project.compose(
        {"web": service, "tests": suite_of(suite_packages)},
        suite={"service": "tests", "paths": ["checks"]},
    ).checks("def test_nothing(): pass\n")
    (project.root / "Dockerfile").write_text(DOCKERFILE)
    (project.root / ".dockerignore").write_text("*\n!service.py\n")
    (project.root / "requirements.txt").write_text(f"tiny @ {wheel(tmp_path).as_uri()}\n")
    with (project.root / "pyproject.toml").open("a") as stream:
        stream.write('\n[tool.tranship.local]\nrequirements = ["requirements.txt"]\n')
    # An environment of its own: the others are shared, and their packages with them.
    project.environments = tmp_path / "environments"

    def images() -> list[tuple[str, str]]:
        named = [name for name in project.own_images() if "<none>" not in name]
        found = json.loads(docker("image", "inspect", *named))
        return [(it["Id"], it["Created"]) for it in found]

    project.nox("-s", "compare").exits(0)
    packages, built = project.environments / "compare" / "lib", images()
    installed = times(packages)
    assert [path for path in installed if path.endswith("/tiny.py")]

    project.nox("-s", "compare").exits(0)

    assert built == images()
    assert installed == times(packages)
    assert len(project.own_images()) == len(built) == 1, "no image is left without a name"
    (project.root / "service.py").write_text(
        (project.root / "service.py").read_text() + "# changed\n"
    )
    project.nox("-s", "docker").exits(0)
    assert built != images(), "a change of what goes into the image is another image"
    assert [] == project.left()
