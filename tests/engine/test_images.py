"""Images: built by bake, from nothing and again, attested where the engine can, and explained."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import ownengine
from .conftest import NewProject
from .projects import PYTHON_IMAGE, REPOSITORY, Finished, Project, docker, until

SOURCES = REPOSITORY / "compose/services"
SECRETS = REPOSITORY / ".tranship/build"
EPOCH = "1700000000"
LOOK = """
import importlib.util, json, os, pathlib, shutil, sys
import fastapi, data_service.app
def flags(module):
    path = importlib.util.cache_from_source(module.__file__)
    return int.from_bytes(pathlib.Path(path).read_bytes()[4:8], "little")
names = ("pip", "ensurepip")
print(json.dumps({
    "pip": [name for name in names if importlib.util.find_spec(name)],
    "commands": [name for name in ("pip", "pip3", "gcc", "cc") if shutil.which(name)],
    "files": [str(p) for top in ("/usr", "/opt") for p in pathlib.Path(top).rglob("pip*")
              if p.name.rstrip("0123456789.") == "pip" or p.name.startswith("pip-")],
    "bytecode": [flags(fastapi), flags(data_service.app)],
    "user": os.getuid(),
}))
"""


def athena(project: Project) -> Project:
    """Write a project that builds a copy of the example's sources by their own Dockerfile."""
    shutil.copytree(
        SOURCES, project.root / "services", ignore=shutil.ignore_patterns("__pycache__")
    )
    build = {
        "context": "services",
        "network": "host",
        "args": {"PYTHON_IMAGE": PYTHON_IMAGE},
        "secrets": ["pip", "ca"],
    }
    for name in ("pip.conf", "ca.crt"):
        (project.root / name).write_bytes(
            (SECRETS / name).read_bytes() if (SECRETS / name).is_file() else b""
        )
    user = {"image": f"{project.name}-one"}
    return project.compose(
        {
            "one": {**user, "build": {**build, "target": "services"}},
            "two": user,
            "suite": {"build": {**build, "target": "suite"}, "profiles": ["test"]},
        },
        secrets={"pip": {"file": "pip.conf"}, "ca": {"file": "ca.crt"}},
    )


def seconds(done: Finished) -> float:
    """Return how long the building itself took."""
    found = re.search(r"^Building \S+: ([\d.]+) s$", done.err, re.MULTILINE)
    assert found, done.text
    return float(found[1])


def inspected(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker("image", "inspect", image))[0]
    return found


@pytest.fixture(scope="module")
def built(module_project: NewProject) -> Project:
    """Return the example, built once; what that took stands in its environment."""
    project = athena(module_project())
    project.environment["SOURCE_DATE_EPOCH"] = EPOCH
    done = project.inv("docker.build", "--no-cache").exits(0).says("Built: one")
    project.environment["COLD"] = str(seconds(done))
    return project


def test_an_image_has_what_it_runs_and_no_more(built: Project) -> None:
    found = json.loads(
        docker("run", "--rm", "--read-only", f"{built.name}-one", "python", "-c", LOOK)
    )

    assert {
        "pip": [],
        "commands": [],
        "files": [],
        "bytecode": [1, 1],  # by hash, and not looked at again (PEP 552)
        "user": 10001,
    } == found
    details = inspected(f"{built.name}-one")
    labels = details["Config"]["Labels"]
    assert "10001:10001" == details["Config"]["User"]
    assert "2023-11-14T22:13:20Z" == details["Created"]
    assert "Athena" == labels["org.opencontainers.image.title"]
    assert "one" == labels["com.docker.compose.service"]


def test_a_changed_line_costs_a_fifth_at_most_and_from_nothing_all_is_the_same(
    built: Project,
) -> None:
    first = inspected(f"{built.name}-one")
    path = built.root / "services/data_service/app.py"
    before = path.read_text()
    path.write_text(f"{before}\nCHANGED = True\n")

    done = built.inv("docker.build").exits(0)

    changed = inspected(f"{built.name}-one")
    assert seconds(done) <= float(built.environment["COLD"]) / 5
    assert first["RootFS"]["Layers"][:2] == changed["RootFS"]["Layers"][:2]
    assert first["RootFS"]["Layers"][2] != changed["RootFS"]["Layers"][2]

    path.write_text(before)
    built.inv("docker.build", "--no-cache", "--progress", "quiet").exits(0)

    assert first["Id"] == inspected(f"{built.name}-one")["Id"]


def test_size_explains_each_layer(built: Project) -> None:
    built.inv("docker.size", "--profile", "test").exits(0).says(
        f"note: {built.name}-suite (for suite) is not on this engine: "
        "inv docker.build --service suite"
    )
    built.inv("docker.size", "--service", "suite").exits(4).says("inv docker.build --service suite")
    built.inv("docker.size", "--format", "html").exits(2).says("Formats: text, json, md.")
    # Its packages are more, and from the same cache.
    built.inv("docker.build", "--service", "suite", "--progress", "plain").exits(0).says(
        "COPY --from=packages-suite", "Built: suite"
    )

    found = json.loads(built.inv("docker.size", "--profile", "test", "--format", "json").out)

    images = {item["image"].removeprefix(f"{built.name}-"): item for item in found["images"]}
    assert [["one", "two"], ["suite"]] == [images[x]["services"] for x in ("one", "suite")]
    assert ["COPY /base/ /", "COPY /packages/ /", "COPY /sources/ /"] == [
        layer["made_by"] for layer in images["one"]["layers"]
    ]
    assert [[f"{built.name}-suite"], [], []] == [
        layer["shared_with"] for layer in images["one"]["layers"]
    ]
    base = images["one"]["layers"][0]["size"]
    assert found["once"] == found["listed"] - base
    assert images["one"]["own"] == images["one"]["size"] - base
    assert inspected(f"{built.name}-one")["Size"] == images["one"]["size"]
    text = built.inv("docker.size", "--profile", "test").exits(0)
    assert "one, two" == text.row(f"{built.name}-one")[1]


def test_a_broken_step_is_named_with_its_line(project: Project) -> None:
    dockerfile = f"FROM {PYTHON_IMAGE}\nRUN true\nRUN echo about to fail && exit 9\n"
    project.compose(
        {
            "web": {"build": {"context": ".", "dockerfile_inline": dockerfile}},
            "plain": {"image": PYTHON_IMAGE},
        }
    )

    project.inv("docker.build").exits(4).says(
        "Building web failed", "exit code: 9 (at Dockerfile:3, in [3/3] RUN echo about to fail"
    )
    project.inv("docker.build", "--service", "plain").exits(0).says("Nothing to build.")
    project.inv("docker.build", "--progress", "loud").exits(2).says("Buildx knows auto, plain")
    # The engine's own builder, over an image store that holds no attestation.
    if "io.containerd" not in docker("info", "--format", "{{json .DriverStatus}}"):
        project.inv("docker.build", "--sbom", "--provenance", "mode=max").exits(4).says(
            "This builder cannot attest", "containerd-snapshotter", "Nothing was built."
        )


def test_ctrl_c_ends_the_build(project: Project) -> None:
    dockerfile = f"FROM {PYTHON_IMAGE}\nRUN echo {project.name} && sleep 300\n"
    project.compose({"web": {"build": {"context": ".", "dockerfile_inline": dockerfile}}})
    running = project.start_inv("docker.build", "--progress", "plain")
    running.until(f"RUN echo {project.name}")

    running.signal(signal.SIGINT, group=True)

    running.finish().exits(130)
    until(lambda: not builds_of(project), "the end of the builder's own command")
    assert "" == docker("image", "ls", "--quiet", f"{project.name}-web")


def builds_of(project: Project) -> list[int]:
    """Return the docker commands that run in the project's folder."""
    return [item.pid for item in project.processes() if "docker" in item.name()]


@pytest.fixture(scope="module")
def attesting() -> Iterator[ownengine.OwnEngine]:
    """Yield an engine whose image store holds attestations."""
    with ownengine.own_engine(containerd_snapshotter=True) as engine:
        yield engine


@pytest.mark.skipif(bool(ownengine.why_not()), reason=ownengine.why_not())
def test_an_engine_that_can_attests(
    attesting: ownengine.OwnEngine, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = attesting.project(tmp_path, tmp_path_factory.getbasetemp() / "environments")
    dockerfile = "FROM scratch\nCOPY service.py /\n"
    project.compose({"web": {"build": {"context": ".", "dockerfile_inline": dockerfile}}})

    plain = project.inv("docker.build", "--progress", "plain").exits(0)
    done = project.inv("docker.build", "--progress", "plain", "--provenance", "mode=max").exits(0)

    assert "attestation" not in plain.text
    done.says("exporting attestation manifest", "Built: web")
    saved = docker("--host", attesting.host, "image", "ls", "--quiet", f"{project.name}-web")
    assert saved
    project.inv("docker.size").exits(0).says("COPY service.py /")
    # What makes an SBOM is an image of a registry, and this engine reaches none.
    project.inv("docker.build", "--sbom").exits(4).says(
        "The image that makes an SBOM cannot be had", "--sbom generator=IMAGE"
    )
