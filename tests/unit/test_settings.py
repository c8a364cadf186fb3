from __future__ import annotations

from pathlib import Path

import pytest
from tranship import settings
from tranship.errors import SettingsError
from tranship.settings import CiSettings, LocalSettings, Settings, SilenceSettings, SuiteSettings


def written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pyproject.toml"
    path.write_text(text)
    return path


def test_an_empty_table_gives_the_defaults(tmp_path: Path) -> None:
    written(tmp_path, "[tool.tranship]\n")

    expected = Settings(
        root=tmp_path,
        state_directory=tmp_path / ".tranship",
        start_timeout=120.0,
        suite=SuiteSettings(service=None, paths=("tests",), timeout=600.0),
        local=LocalSettings(postgres="wheel", redis="wheel"),
    )

    assert expected == settings.load(tmp_path)


def test_every_key_is_read_with_dashes(tmp_path: Path) -> None:
    written(
        tmp_path,
        """
        [tool.tranship]
        compose-files = ["a/one.yaml", "two.yaml"]
        pass-env = ["TAG"]
        state-directory = "state"
        start-timeout = 30
        environment = "staging"
        environments-directory = "layers"
        overlay = "deploy/{environment}.yaml"
        [tool.tranship.suite]
        service = "tests"
        paths = ["tests/stack"]
        command = ["pytest"]
        environment = "ci"
        timeout = 5.5
        [tool.tranship.local]
        requirements = ["locks/stack.txt"]
        python = ".venv/bin/python"
        postgres = "system"
        redis = "system"
        [[tool.tranship.silence]]
        rule = "TE009"
        reason = "passwords of a demonstration"
        service = "postgres"
        """,
    )

    expected = Settings(
        root=tmp_path,
        compose_files=(tmp_path / "a/one.yaml", tmp_path / "two.yaml"),
        pass_env=("TAG",),
        state_directory=tmp_path / "state",
        start_timeout=30.0,
        environment="staging",
        environments_directory=Path("layers"),
        overlay="deploy/{environment}.yaml",
        suite=SuiteSettings("tests", ("tests/stack",), ("pytest",), "ci", 5.5),
        local=LocalSettings(("locks/stack.txt",), Path(".venv/bin/python"), "system", "system"),
        silence=(SilenceSettings("TE009", "passwords of a demonstration", "postgres"),),
    )

    assert expected == settings.load(tmp_path)


def test_names_that_the_project_gives_keep_their_dashes(tmp_path: Path) -> None:
    written(
        tmp_path,
        """
        [tool.tranship.ci]
        runs-on = "self-hosted"
        commands = {unit-tests = "make test"}
        pins = {"actions/setup-python" = "v6"}
        """,
    )

    expected = CiSettings(
        runs_on="self-hosted",
        commands={"unit-tests": "make test"},
        pins={"actions/setup-python": "v6"},
    )

    assert expected == settings.load(tmp_path).ci


def test_the_state_has_a_folder_for_trials_and_one_for_runs(tmp_path: Path) -> None:
    loaded = settings.load(tmp_path)

    assert tmp_path / ".tranship/trials" == loaded.trials
    assert tmp_path / ".tranship/runs" == loaded.runs


def test_an_absolute_path_stays_as_it_is(tmp_path: Path) -> None:
    written(tmp_path / "project", f'[tool.tranship]\nstate-directory = "{tmp_path}/elsewhere"\n')

    assert tmp_path / "elsewhere" == settings.load(tmp_path / "project").state_directory


def test_the_nearest_pyproject_with_a_table_decides(tmp_path: Path) -> None:
    written(tmp_path, "[tool.tranship]\nstart-timeout = 1\n")
    written(tmp_path / "a", "[tool.tranship]\nstart-timeout = 2\n")
    written(tmp_path / "a/b", "[tool.other]\n")
    (tmp_path / "a/b/c").mkdir()

    loaded = settings.load(tmp_path / "a/b/c")

    assert (tmp_path / "a", 2.0) == (loaded.root, loaded.start_timeout)


def test_without_any_table_the_working_folder_is_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "tool = 3\n")
    monkeypatch.chdir(tmp_path)

    assert tmp_path == settings.load().root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), ()),
        (("docker-compose.yml",), ("docker-compose.yml",)),
        (("docker-compose.yml", "compose.yml", "compose.yaml"), ("compose.yaml",)),
        (("compose.yaml", "compose.override.yaml"), ("compose.yaml", "compose.override.yaml")),
        (("compose.yaml", "compose.override.yml"), ("compose.yaml", "compose.override.yml")),
        (
            ("docker-compose.yml", "docker-compose.override.yml", "compose.override.yml"),
            ("docker-compose.yml", "docker-compose.override.yml"),
        ),
    ],
)
def test_default_compose_files(
    tmp_path: Path, files: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    for name in files:
        (tmp_path / name).touch()

    assert tuple(tmp_path / name for name in expected) == settings.load(tmp_path).compose_files


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '[tool.tranship]\ncompose-file = ["x"]',
            ["[tool.tranship]", '"compose-file"', "did you mean 'compose-files'?"],
        ),
        (
            "[tool.tranship.suite]\ntime-out = 3",
            ["[tool.tranship.suite]", '"time-out"', "did you mean 'timeout'?"],
        ),
        (
            "[tool.tranship.local]\nredish = 'wheel'",
            ["[tool.tranship.local]", '"redish"', "did you mean 'redis'?"],
        ),
        (
            "[tool.tranship]\nzzz = 1",
            ['unknown key "zzz".', "Keys: autoscale, checklist, ci, "],
        ),
        ("[tool.tranship]\nroot = '/'", ['unknown key "root"']),
        (
            "[tool.tranship]\nstart-timeout = 'soon'",
            ["[tool.tranship]", '"start-timeout"', "number"],
        ),
        ("[tool.tranship]\ncompose-files = 'x'", ["[tool.tranship]", '"compose-files"', "array"]),
        (
            "[tool.tranship]\npass-env = ['A', 3]",
            ["[tool.tranship]", '"pass-env"', "valid string"],
        ),
        (
            "[tool.tranship.local]\nredis = 'apt'",
            ["[tool.tranship.local]", '"redis"', "'wheel' or 'system'"],
        ),
        ("[tool.tranship]\nstart-timeout = -5", ["[tool.tranship]", '"start-timeout"', "above 0"]),
        ("[tool.tranship.suite]\ntimeout = 0", ["[tool.tranship.suite]", '"timeout"', "above 0"]),
        ("[[tool.tranship.silence]]\nrule = 'TE001'", ["[tool.tranship.silence]", '"reason"']),
        ("[tool.tranship]\nsuite = 'tests'", ["[tool.tranship]", '"suite"', "must be a table"]),
        ("[tool]\ntranship = 3", ["[tool.tranship] must be a table"]),
        ("[tool.tranship\nx = 1", ["not valid TOML", "line 1"]),
    ],
)
def test_a_malformed_table_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    path = written(tmp_path, text)

    with pytest.raises(SettingsError) as raised:
        settings.load(tmp_path)

    message = str(raised.value)
    assert [] == [word for word in (f"{path}: ", *words) if word not in message]
    assert "\n" not in message


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match="not valid TOML"):
        settings.load(tmp_path)
