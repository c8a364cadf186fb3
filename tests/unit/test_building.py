"""Images are built by one call of bake, and a failure says where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakedocker import FakeDocker
from tranship.deployment.images.asking import asked
from tranship.errors import EnvironmentFailed, ExitCode, UsageError
from tranship.modes import building
from tranship.modes.baking import Asked
from tranship.stack.engine import ComposeProject

OUTPUT = (
    "#1 [internal] load build definition\n#15 [tests build 3/3] RUN pip install\n"
    f"#16 [api 1/1] RUN {'x' * 200}\n#17 DONE 1.0s\n"
)
FAILED = """\
#7 [web 3/3] RUN false
#7 ERROR: process "/bin/sh -c false" did not complete successfully: exit code: 1
------
 > [web 3/3] RUN false:
------
Dockerfile:4
--------------------
   3 |     RUN true
   4 | >>> RUN false
--------------------
ERROR: target web: failed to solve: process "/bin/sh -c false" did not complete: exit code: 1
"""


def built(names: list[str], options: Asked = Asked(), **more: Any) -> list[str]:  # noqa: B008
    """Build these services of a project and return what was told."""
    services = {name: {"build": {"context": "/nowhere", **more}} for name in ("a", "b", "web")}
    told: list[str] = []
    client = ComposeProject(files=(Path("compose.yaml"),)).client()
    building.build(client, {"services": services}, "shop", names, told.append, options)
    return told


def test_building_tells_each_step(fake_docker: FakeDocker) -> None:
    fake_docker.answer("buildx", "bake", err=OUTPUT)

    told = built(["b", "a"], Asked(pull=True, cache=False))

    assert "building tests build 3/3] RUN pip install" == told[0]
    assert [72] == [len(line) for line in told[1:]]
    (call,) = fake_docker.called_with("bake")
    assert ["a", "b"] == call.argv[-2:]
    assert {"--pull", "--no-cache", "--load"} <= set(call.argv)
    assert "1" == call.environment["BUILDX_NO_DEFAULT_ATTESTATIONS"]
    assert not Path(call.argv[call.argv.index("--file") + 1]).exists()


def test_nothing_is_no_call(fake_docker: FakeDocker) -> None:
    assert [] == built([])
    assert [] == fake_docker.calls


def test_progress_is_shown_as_asked(fake_docker: FakeDocker) -> None:
    fake_docker.answer("buildx", "bake", err=OUTPUT)

    assert OUTPUT.splitlines() == built(["a"], Asked(progress="plain"))
    assert [] == built(["a"], Asked(progress="quiet"))
    fake_docker.answer("buildx", "bake", "--print", out="{}")
    assert [] == built(["a"], Asked(progress="tty"))

    forms = [
        call.argv[call.argv.index("--progress") + 1] for call in fake_docker.called_with("bake")
    ]
    assert ["plain", "plain", "tty"] == forms[:3]


def test_attestations_are_handed_on(fake_docker: FakeDocker) -> None:
    fake_docker.answer("buildx", "bake")
    wanted = asked(pull=False, cache=True, progress="", sbom=True, provenance="mode=max")

    built(["a"], wanted)

    (call,) = fake_docker.called_with("bake")
    assert ["*.attest=type=sbom", "*.attest=type=provenance,mode=max"] == [
        after for before, after in zip(call.argv, call.argv[1:], strict=False) if before == "--set"
    ]
    assert "BUILDX_NO_DEFAULT_ATTESTATIONS" not in call.environment


def test_a_builder_that_cannot_attest_says_so(fake_docker: FakeDocker) -> None:
    said = "ERROR: Attestation is not supported for the docker driver.\nSwitch to a different one\n"
    fake_docker.answer("buildx", "bake", err=said, code=1)

    with pytest.raises(EnvironmentFailed, match="This builder cannot attest") as raised:
        built(["a"], Asked(attest=("type=sbom",)))

    assert "containerd-snapshotter" in str(raised.value)
    assert "Nothing was built." in str(raised.value)


def test_a_scanner_that_cannot_be_pulled_says_so(fake_docker: FakeDocker) -> None:
    said = "ERROR: failed to solve: docker.io/docker/buildkit-syft-scanner:stable-1: no such host\n"
    fake_docker.answer("buildx", "bake", err=said, code=1)

    with pytest.raises(EnvironmentFailed, match="--sbom generator=IMAGE"):
        built(["a"], Asked(attest=("type=sbom",)))


def test_a_build_that_fails_says_where_and_shows_its_last_lines(fake_docker: FakeDocker) -> None:
    early = "".join(f"#9 line {number}\n" for number in range(40))
    fake_docker.answer("buildx", "bake", err=early + FAILED, code=1)

    with pytest.raises(EnvironmentFailed) as raised:
        built(["web"])

    message = str(raised.value)
    first = message.splitlines()[0]
    assert first.startswith("Building web failed: failed to solve: process")
    assert first.endswith("exit code: 1 (at Dockerfile:4, in [web 3/3] RUN false)")
    assert "    #9 line 39\n" in message
    assert "line 5\n" not in message


def test_what_bake_cannot_carry_compose_builds(fake_docker: FakeDocker) -> None:
    fake_docker.answer("compose", "build", err="#3 [web 1/1] RUN x\n")

    told = built(["web"], extra_hosts=["a=1.2.3.4"])

    assert ["web: extra_hosts: Compose builds it", "building web 1/1] RUN x"] == told
    assert [] == fake_docker.called_with("bake")
    with pytest.raises(EnvironmentFailed, match=r"Only Compose can build web \(extra_hosts\)"):
        built(["web"], Asked(attest=("type=sbom",)), extra_hosts=["a=1.2.3.4"])


def test_without_buildx_compose_builds(fake_docker: FakeDocker) -> None:
    fake_docker.answer("buildx", "version", err="docker: 'buildx' is not a docker command.", code=1)
    fake_docker.answer("compose", "build", err=FAILED, code=1)

    with pytest.raises(EnvironmentFailed, match=r"^Building web failed: failed to solve"):
        built(["web"])
    with pytest.raises(EnvironmentFailed, match="no Buildx plugin"):
        built(["web"], Asked(progress="plain"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ()),
        ({"sbom": "false", "provenance": "true"}, ("type=provenance",)),
        ({"sbom": "generator=here/scan:1"}, ("type=sbom,generator=here/scan:1",)),
    ],
)
def test_options_become_attestations(options: dict[str, str], expected: tuple[str, ...]) -> None:
    given: dict[str, Any] = {"sbom": "", "provenance": "", "progress": "plain", **options}

    assert Asked(False, True, "plain", expected) == asked(pull=False, cache=True, **given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"progress": "loud"}, "Unknown progress 'loud'. Buildx knows auto, plain"),
        ({"provenance": "max"}, "--provenance max: it stands alone, or .* mode=max"),
        ({"sbom": "a=1,,b"}, "--sbom a=1,,b"),
    ],
)
def test_words_that_buildx_does_not_know(options: dict[str, str], message: str) -> None:
    given: dict[str, Any] = {"sbom": "", "provenance": "", "progress": "", **options}

    with pytest.raises(UsageError, match=message) as raised:
        asked(pull=False, cache=True, **given)

    assert ExitCode.USAGE == raised.value.exit_code
