"""`inv ci.generate`: what the pipelines hold, and whose file is written."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tranship
from invoke.program import Program
from pipelined import SETTINGS, Pipelined, scripts, step
from tranship.deployment.pipelines.commands import pipelines
from tranship.deployment.pipelines.install import setup_lines
from tranship.deployment.pipelines.pins import PINS
from tranship.errors import SettingsError, UsageError

Inv = Callable[..., tuple[int, str, str]]
GITHUB = Path(".github/workflows/tranship.yml")
GITLAB = Path(".gitlab-ci.yml")
HYBRID = 'modes = ["local", "docker", "hybrid:api,worker.main"]\n'


@pytest.fixture
def program() -> Program:
    return Program(namespace=tranship.namespace(), version="0")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_docker: None) -> Pipelined:
    made = Pipelined(tmp_path / "shop")
    monkeypatch.chdir(made.root)
    return made


def text_of(document: Any, provider: str) -> str:
    return "\n".join(text for _, text in scripts(provider, document))


# --- what is in them


def test_the_matrix_is_each_mode_with_each_python(project: Pipelined) -> None:
    project.set(f'{HYBRID}python = ["3.11", "3.12"]\n')

    github = project.read()["jobs"]["modes"]["strategy"]
    gitlab = project.read("gitlab")["modes"]["parallel"]

    modes = ["local", "docker", "hybrid:api,worker.main"]
    assert [(mode, python) for python in ("3.11", "3.12") for mode in modes] == [
        (row["mode"], row["python"]) for row in github["matrix"]["include"]
    ]
    assert github["fail-fast"] is False
    # A colon is refused in the name of an artefact.
    assert {"local", "docker", "hybrid-api-worker.main"} == {
        row["slug"] for row in github["matrix"]["include"]
    }
    assert {"matrix": [{"MODE": modes, "PYTHON": ["3.11", "3.12"]}]} == gitlab


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_the_comparison_has_all_modes_on_one_machine(provider: str, project: Pipelined) -> None:
    project.set(f"{HYBRID}repeat = 5\nenforce = true\nstrict = true\n")

    said = text_of(project.read(provider), provider)

    modes = "local,docker,hybrid:api,worker.main"
    assert f"nox -s compare -- --modes {modes} --repeat 5 --enforce --strict" in said


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_one_mode_is_not_compared(provider: str, project: Pipelined) -> None:
    project.set('modes = ["docker"]\n')

    document = project.read(provider)

    jobs = document["jobs"] if provider == "github" else document
    assert {"check", "modes"} <= set(jobs)
    assert not {"compare", "comment", "note"} & set(jobs)


def test_only_the_comment_may_write_and_it_runs_nothing_of_the_repository(
    project: Pipelined,
) -> None:
    document = project.read()

    # YAML reads the key `on` as true.
    assert {"push", "pull_request", "workflow_dispatch"} == set(document[True])
    assert {"contents": "read"} == document["permissions"]
    rights = {name: job.get("permissions") for name, job in document["jobs"].items()}
    assert {"pull-requests": "write"} == rights.pop("comment")
    assert {None} == set(rights.values())
    comment = document["jobs"]["comment"]
    assert "head.repo.full_name == github.repository" in comment["if"]
    assert ["actions/download-artifact"] == [
        it["uses"].partition("@")[0] for it in comment["steps"] if "uses" in it
    ]
    assert "secrets." not in project.text()


def test_every_action_is_a_commit_and_every_checkout_keeps_no_token(project: Pipelined) -> None:
    found = [it for job in project.read()["jobs"].values() for it in job["steps"] if "uses" in it]

    assert set(PINS) == {it["uses"].partition("@")[0] for it in found}
    for it in found:
        action, _, commit = it["uses"].partition("@")
        assert 40 == len(commit), action
        assert int(commit, 16), action
        if action == "actions/checkout":
            assert it["with"]["persist-credentials"] is False


def test_a_pin_of_the_project_takes_its_place(project: Pipelined) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    project.set(f'pins = {{"actions/setup-python" = "{commit} # v9"}}\n')

    assert f"uses: actions/setup-python@{commit} # v9\n" in project.text()


@pytest.mark.parametrize(
    ("pins", "message"),
    [
        ('{"actions/setup-pyton" = "v6"}', "did you mean 'actions/setup-python'?"),
        ('{"actions/cache" = "v5\\n- run: x"}', "is no commit or tag"),
    ],
)
def test_a_wrong_pin_is_refused(pins: str, message: str, project: Pipelined) -> None:
    with pytest.raises(SettingsError, match=message.replace("?", r"\?")):
        project.set(f"pins = {pins}\n").text()


def test_each_image_that_is_built_has_a_cache_of_its_own(project: Pipelined) -> None:
    github = step(project.read()["jobs"]["compare"], "Cache the layers of the images")
    gitlab = text_of(project.read("gitlab"), "gitlab")

    assert "api,tests,worker_main" == github["with"]["targets"]
    assert "allow" not in github["with"]
    for name in ("api", "tests", "worker_main"):
        assert f"{name}.cache-from=type=gha,scope=tranship-{name}" in github["with"]["set"]
        assert f"--set '{name}.cache-from=type=local,src=.cache/layers/{name}'" in gitlab
    assert "network.host" not in gitlab


@pytest.mark.parametrize("provider", ["github", "gitlab"])
def test_a_build_on_the_hosts_network_is_allowed_it(provider: str, project: Pipelined) -> None:
    path = project.root / "compose.yaml"
    path.write_text(path.read_text().replace("context: worker", "context: worker, network: host"))

    assert "network.host" in project.text(provider)


@pytest.mark.parametrize("provider", ["github", "gitlab"])
@pytest.mark.parametrize("why", ["setting", "no image is built"])
def test_without_layers_there_is_no_builder(why: str, provider: str, project: Pipelined) -> None:
    if why == "setting":
        project.set("layers = false\n")
    else:
        path = project.root / "compose.yaml"
        path.write_text(
            path.read_text()
            .replace("build: .", "image: shop")
            .replace("build: {context: worker}", "image: shop")
        )

    assert "buildx bake" not in project.text(provider)
    assert "bake-action" not in project.text(provider)


def test_further_jobs_are_the_projects_own(project: Pipelined) -> None:
    project.set('[tool.tranship.ci.commands]\nunit-tests = "python -m pytest tests/unit"\n')

    github = project.read()["jobs"]["unit-tests"]
    gitlab = project.read("gitlab")["unit-tests"]

    assert "python -m pytest tests/unit" == step(github, "unit-tests")["run"].strip()
    assert ["python -m pytest tests/unit\n"] == gitlab["script"]


def test_the_folders_come_first_on_path_in_their_order(project: Pipelined) -> None:
    project.set('setup = ["make venv"]\npath = [".venv/bin", "bin"]\n')

    github = step(project.read()["jobs"]["check"], "Install")["run"]
    gitlab = project.read("gitlab")[".tranship"]["before_script"]

    # The last one that is added comes first, on both.
    assert ["make venv", "bin", ".venv/bin"] == [
        line.replace('echo "$PWD/', "").replace('" >> "$GITHUB_PATH"', "")
        for line in github.splitlines()
    ]
    assert [
        "make venv",
        'export PATH="$PWD/bin:$PATH"',
        'export PATH="$PWD/.venv/bin:$PATH"',
    ] == gitlab


def test_gitlab_starts_an_engine_unless_the_setup_does(project: Pipelined) -> None:
    assert "dockerd" in project.text("gitlab")

    assert "dockerd" not in project.set('engine = "setup"\n').text("gitlab")
    assert ["big", "privileged"] == project.set('tags = ["big", "privileged"]\n').read("gitlab")[
        ".tranship"
    ]["tags"]


def test_the_same_settings_make_the_same_bytes(project: Pipelined) -> None:
    for provider in ("github", "gitlab"):
        assert project.text(provider) == project.text(provider)


def test_the_projects_words_are_not_filled_in_again(project: Pipelined) -> None:
    project.set("commands = {own = 'echo @timeout@ \"$X\" ${{ github.sha }}'}\nrunner = 1\n")
    with pytest.raises(SettingsError, match="unknown key"):
        project.text()

    project.set("commands = {own = 'echo @timeout@ \"$X\"'}\n")

    assert 'echo @timeout@ "$X"' == step(project.read()["jobs"]["own"], "own")["run"].strip()


# --- how Tranship gets installed


@pytest.mark.parametrize(
    ("base", "requirements", "expected"),
    [
        (SETTINGS, "", "python -m pip install --group dev"),
        ('[project]\nname="a"\nversion="1"\ndependencies=["tranship"]\n', "", "--editable ."),
        (
            '[project]\nname="a"\nversion="1"\n[project.optional-dependencies]\n'
            'test=["tranship @ git+https://host/tranship"]\n',
            "",
            "--editable '.[test]'",
        ),
        ("", "tranship[stats]>=0.1  # the suite\n", "--requirement requirements.txt"),
        ("", "-e ../tranship\n", "--requirement requirements.txt"),
        ("", "vendor/tranship-0.1.0-py3-none-any.whl\n", "--requirement requirements.txt"),
        ("", "git+https://host/group/tranship.git@v1\n", "--requirement requirements.txt"),
    ],
)
def test_tranship_is_installed_as_the_project_says(
    base: str, requirements: str, expected: str, project: Pipelined
) -> None:
    project.set(base=base)
    (project.root / "requirements.txt").write_text(requirements)

    lines = setup_lines(project.settings)

    assert lines[-1].endswith(expected)


@pytest.mark.parametrize("line", ["tranship-extras", "pytest-tranship", "# tranship", "httpx"])
def test_nothing_is_made_up_where_nothing_says_it(line: str, project: Pipelined) -> None:
    project.set(base="[tool.tranship.suite]\nservice = 'tests'\n")
    (project.root / "requirements.txt").write_text(f"{line}\n")

    with pytest.raises(UsageError, match="Nothing says how a pipeline installs Tranship"):
        setup_lines(project.settings)


# --- settings that are wrong


@pytest.mark.parametrize(
    ("ci", "message"),
    [
        ("modes = []", "name each mode once"),
        ('modes = ["local", "local"]', "name each mode once"),
        ('modes = ["dockr"]', "did you mean 'docker'"),
        ('modes = ["hybrid:apii"]', "did you mean 'api'"),
        ('modes = ["hybrid:tests"]', "has no x-tranship.local"),
        ("python = []", "name a version"),
        ('python = ["3.12; x"]', "is no version of Python"),
        ("repeat = 0", "repeat: a number from 1"),
        ("timeout = 0", "timeout: a number from 1"),
        ('commands = {image = "x"}', "cannot be the name of a job"),
        ('commands = {"a b" = "x"}', "cannot be the name of a job"),
        ('branch = "main\\"]"', "branch: "),
        ('path = ["$(x)"]', "path: "),
        ('runs-on = "${{ x }}"', "runs-on: "),
        ('engine = "none"', "engine"),
    ],
)
def test_a_wrong_setting_is_said(ci: str, message: str, project: Pipelined) -> None:
    with pytest.raises(UsageError) as caught:
        project.set(f"{ci}\n").text()

    assert message in str(caught.value)


def test_a_project_without_a_suite_has_no_pipeline(project: Pipelined) -> None:
    project.set(base='[dependency-groups]\ndev = ["tranship"]\n')

    with pytest.raises(SettingsError, match="No suite to run in a pipeline"):
        project.text()


def test_the_errors_of_the_documentation_are_those_that_are_said(
    program: Program, inv: Inv, project: Pipelined
) -> None:
    said = [inv(program, "ci.generate")[2]]
    inv(program, "ci.generate", "--provider", "github")
    GITHUB.write_text(GITHUB.read_text() + "# mine\n")
    said.append(inv(program, "ci.generate")[2])
    for ci in (
        "modes = []",
        'commands = {image = "x"}',
        'pins = {"actions/setup-pyton" = "v6"}',
    ):
        project.set(f"{ci}\n")
        said.append(inv(program, "ci.generate")[2])
    project.set(base="[tool.tranship.suite]\nservice = 'tests'\n")
    said.append(inv(program, "ci.generate")[2])

    page = (Path(__file__).parents[2] / "docs/errors.md").read_text(encoding="utf-8")
    assert [] == [text for text in said if f"\n{text.strip()}\n" not in page]


# --- which provider


def test_the_files_tell_the_provider_before_the_remote(project: Pipelined) -> None:
    def found() -> list[str]:
        return [file.path.name for file in pipelines(project.settings)]

    (project.root / ".github/workflows").mkdir(parents=True)
    assert [GITHUB.name] == found()
    (project.root / GITLAB).touch()
    assert [GITLAB.name] == found()
    (project.root / GITHUB).touch()
    assert [GITHUB.name, GITLAB.name] == found()


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("git@github.com:shop/shop.git", GITHUB.name),
        ("https://gitlab.example/shop/shop.git", GITLAB.name),
    ],
)
def test_the_remote_tells_the_provider(remote: str, expected: str, tmp_path: Path) -> None:
    project = Pipelined(tmp_path / "shop")
    for words in (["init", "--quiet"], ["remote", "add", "origin", remote]):
        subprocess.run(["git", *words], cwd=project.root, check=True)

    assert [expected] == [file.path.name for file in pipelines(project.settings)]


def test_where_nothing_tells_it_is_asked_for(
    program: Program, inv: Inv, project: Pipelined
) -> None:
    code, _, err = inv(program, "ci.generate")

    assert 2 == code
    assert "--provider github, or --provider gitlab" in err
    assert [] == [path for path in (GITHUB, GITLAB) if path.exists()]


# --- writing


def test_the_file_is_written_once_and_then_up_to_date(
    program: Program, inv: Inv, project: Pipelined
) -> None:
    assert (0, f"{GITHUB} written.\n", "") == inv(program, "ci.generate", "--provider", "github")
    written = GITHUB.read_bytes()

    assert (0, f"{GITHUB} is up to date.\n", "") == inv(program, "ci.generate")
    assert (0, f"{GITHUB}: up to date.\n", "") == inv(program, "ci.generate", "--check")
    assert written == GITHUB.read_bytes()
    assert written.startswith(b"# Made by `inv ci.generate --provider github`:")
    assert 0o644 == GITHUB.stat().st_mode & 0o777


def test_other_settings_make_it_stale_and_it_is_made_again(
    program: Program, inv: Inv, project: Pipelined
) -> None:
    inv(program, "ci.generate", "--provider", "github")
    project.set("timeout = 7\n")

    code, out, err = inv(program, "ci.generate", "--check")
    assert 1 == code
    assert "is of other settings" in out
    assert "inv ci.generate" in err

    assert (0, f"{GITHUB} written.\n", "") == inv(program, "ci.generate")
    assert "timeout-minutes: 7" in GITHUB.read_text()


@pytest.mark.parametrize("what", ["changed by hand", "not made by inv ci.generate"])
def test_what_a_person_wrote_stays(
    what: str, program: Program, inv: Inv, project: Pipelined
) -> None:
    inv(program, "ci.generate", "--provider", "github")
    made = GITHUB.read_text()
    own = made.replace("timeout-minutes: 30", "timeout-minutes: 99", 1)
    GITHUB.write_text(own if what == "changed by hand" else own.split("\n", 2)[2])
    theirs = GITHUB.read_bytes()

    code, _, err = inv(program, "ci.generate")
    assert 2 == code
    assert what in err
    assert "--force" in err
    assert theirs == GITHUB.read_bytes()
    assert 1 == inv(program, "ci.generate", "--check")[0]

    assert 0 == inv(program, "ci.generate", "--force")[0]
    assert made == GITHUB.read_text()


def test_one_file_of_a_person_keeps_both_from_being_written(
    program: Program, inv: Inv, project: Pipelined
) -> None:
    for provider in ("github", "gitlab"):
        inv(program, "ci.generate", "--provider", provider)
    GITLAB.write_text("own: {script: [make]}\n")
    project.set("timeout = 7\n")

    assert 2 == inv(program, "ci.generate")[0]
    assert "timeout-minutes: 7" not in GITHUB.read_text()


def test_line_ends_of_another_system_are_no_change(
    program: Program, inv: Inv, project: Pipelined
) -> None:
    inv(program, "ci.generate", "--provider", "gitlab")
    GITLAB.write_bytes(GITLAB.read_bytes().replace(b"\n", b"\r\n"))

    assert 0 == inv(program, "ci.generate", "--check")[0]


def test_another_path_checks_itself_by_that_path(
    program: Program, inv: Inv, project: Pipelined
) -> None:
    words = ["ci.generate", "--provider", "github", "--output", "ci/own.yml"]

    assert (0, "ci/own.yml written.\n", "") == inv(program, *words)

    assert (
        "run: inv ci.generate --provider github --check --output ci/own.yml\n"
        in Path("ci/own.yml").read_text()
    )
    assert 0 == inv(program, *words, "--check")[0]
    assert not GITHUB.exists()


def test_a_dash_prints_it(program: Program, inv: Inv, project: Pipelined) -> None:
    code, out, err = inv(program, "ci.generate", "--provider", "gitlab", "--output", "-")

    assert (0, "") == (code, err)
    assert project.text("gitlab") == out
    assert not GITLAB.exists()


@pytest.mark.parametrize("option", ["--check", "--force"])
def test_what_is_printed_is_not_checked(
    option: str, program: Program, inv: Inv, project: Pipelined
) -> None:
    code, out, err = inv(program, "ci.generate", "--provider", "github", "--output", "-", option)

    assert (2, "") == (code, out)
    assert "prints the pipeline" in err


def test_two_pipelines_have_not_one_path(program: Program, inv: Inv, project: Pipelined) -> None:
    for provider in ("github", "gitlab"):
        inv(program, "ci.generate", "--provider", provider)

    code, _, err = inv(program, "ci.generate", "--output", "one.yml")

    assert 2 == code
    assert "--provider github or --provider gitlab" in err
    assert not Path("one.yml").exists()


def test_a_file_that_cannot_be_written_is_said(
    program: Program, inv: Inv, project: Pipelined
) -> None:
    (project.root / ".github").write_text("in the way")

    code, _, err = inv(program, "ci.generate", "--provider", "github")

    assert 4 == code
    assert "cannot be" in err
