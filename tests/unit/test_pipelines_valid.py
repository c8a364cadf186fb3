"""Every pipeline that is generated is one: the public schemas and the linters say so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from pipelined import Pipelined, scripts

BIN = Path(sys.executable).parent
SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}
VARIANTS = {
    "plain": "",
    "one-mode": 'modes = ["docker"]\n',
    "hybrid": 'modes = ["local", "docker", "hybrid:api,worker.main", "hybrid:cache"]\n',
    "pythons": 'python = ["3.11", "3.12", "3.14"]\n',
    "strict": "repeat = 5\nenforce = true\nstrict = true\n",
    "no-layers": "layers = false\n",
    "own-setup": 'setup = ["make \\"venv\\": all", "echo \'a: b\' # c"]\npath = [".venv/bin"]\n',
    "own-jobs": '[tool.tranship.ci.commands]\nunit = "python -m pytest"\nlint = "ruff check ."\n',
    "runner": 'runs-on = "self-hosted"\ntags = ["big"]\nbranch = "develop/1.0"\ntimeout = 90\n',
    "image": 'image = "registry:5000/python:{python}"\nengine = "setup"\n',
    "pin": 'pins = {"actions/cache" = "v5"}\n',
    "host-network": "",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Every variant, written down: provider -> files."""
    folder = tmp_path_factory.mktemp("pipelines")
    found: dict[str, list[Path]] = {name: [] for name in SCHEMAS}
    for variant, ci in VARIANTS.items():
        project = Pipelined(folder / variant / "shop").set(ci)
        if variant == "host-network":
            compose = project.root / "compose.yaml"
            text = compose.read_text()
            compose.write_text(text.replace("context: worker", "context: worker, network: host"))
        for provider in SCHEMAS:
            path = folder / variant / f"{provider}.yml"
            path.write_text(project.text(provider))
            found[provider].append(path)
    return found


def says(program: str, *words: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [BIN / program, *words], capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("provider", SCHEMAS)
def test_every_variant_has_the_public_schema(provider: str, made: dict[str, list[Path]]) -> None:
    code, said = says("check-jsonschema", "--builtin-schema", SCHEMAS[provider], *made[provider])

    assert 0 == code, said
    assert len(VARIANTS) == len({path.read_text() for path in made[provider]}) + SAME[provider]


# Settings that are the other provider's alone make what the plain ones make.
SAME = {"github": 1, "gitlab": 1}


@pytest.mark.parametrize(
    ("provider", "was", "broken"),
    [
        ("github", "timeout-minutes: 30", "timeout-minute: 30"),
        ("github", "contents: read", "contents: all"),
        ("gitlab", "parallel:", "parallels:"),
        ("gitlab", "when: always", "when: ever"),
    ],
)
def test_the_schema_refuses_what_is_wrong(
    provider: str, was: str, broken: str, made: dict[str, list[Path]], tmp_path: Path
) -> None:
    text = made[provider][0].read_text()
    assert was in text
    path = tmp_path / f"{provider}.yml"
    path.write_text(text.replace(was, broken))

    assert 1 == says("check-jsonschema", "--builtin-schema", SCHEMAS[provider], path)[0]


def test_zizmor_finds_nothing_to_attack(made: dict[str, list[Path]]) -> None:
    pinned = [path for path in made["github"] if path.parent.name != "pin"]
    words = ["--offline", "--no-config", "--persona=pedantic", "--format=plain"]

    # It judges one that is not pinned too, or this check could not fail.
    assert 0 != says("zizmor", *words, made["github"][list(VARIANTS).index("pin")])[0]
    code, said = says("zizmor", *words, *pinned)
    assert 0 == code, said


@pytest.fixture
def shells(made: dict[str, list[Path]], tmp_path: Path) -> Callable[[], Iterator[Path]]:
    def write() -> Iterator[Path]:
        texts = dict.fromkeys(
            text
            for provider, paths in made.items()
            for path in paths
            if path.parent.name != "own-setup"
            for _, text in scripts(provider, yaml.safe_load(path.read_text()))
        )
        for number, text in enumerate(texts):
            path = tmp_path / f"{number}.sh"
            path.write_text(f"{text}\n")
            yield path

    return write


def test_shellcheck_finds_nothing_in_what_is_run(
    shells: Callable[[], Iterator[Path]],
) -> None:
    found = list(shells())
    assert len(found) > 20

    code, said = says("shellcheck", "--shell=bash", "--norc", *found)

    assert 0 == code, said
