"""The `env` namespace on a command line: exit codes, what is written, and no secret shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tranship
from invoke.program import Program
from openproject import SECRETS, Folder

Inv = Callable[..., tuple[int, str, str]]


@pytest.fixture
def program() -> Program:
    return Program(namespace=tranship.namespace(), version="0")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_docker: None) -> Folder:
    made = Folder(tmp_path / "project")
    monkeypatch.chdir(made.root)
    monkeypatch.setenv("COLUMNS", "400")
    return made


COMMANDS = [
    ("env.map",),
    ("env.map", "--mode", "hybrid:api"),
    ("env.map", "--environment", "production"),
    *(
        ("env.explain", name)
        for name in (
            "POSTGRES_PASSWORD",
            "DB_URL",
            "OTHER_URL",
            "DOTENV_TOKEN",
            "OPTIONS",
            "DSN",
            "API_TOKEN",
            "SECRET_KEY",
            "QUEUE_URL",
            "WORD_SECRET",
            "FILE_TOKEN",
        )
    ),
    ("env.generate", "--check"),
    ("env.generate",),
    ("env.diff", "local", "docker"),
    ("env.diff", "development", "production"),
    ("env.check",),
    ("env.check", "--format", "json"),
    ("env.check", "--format", "sarif"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_shows_a_secret(
    inv: Inv, program: Program, folder: Folder, words: tuple[str, ...]
) -> None:
    code, out, err = inv(program, *words)

    assert code in (0, 1), out + err
    assert out
    assert [] == [secret for secret in SECRETS if secret in out + err]


def test_the_table_says_when_compose_did_not_confirm(
    inv: Inv, program: Program, folder: Folder
) -> None:
    code, out, err = inv(program, "env.map", "--service", "tests")

    assert (0, "No docker command: read from the files alone, not confirmed by Compose.\n") == (
        code,
        err,
    )
    assert [["tests", "DB_HOST", "127.0.0.1", "db", "yes", "host", "and", "port"]] == [
        line.split() for line in out.splitlines() if "DB_HOST" in line
    ]


def test_only_what_changes(inv: Inv, program: Program, folder: Folder) -> None:
    _, out, _ = inv(program, "env.map", "--changed", "--service", "api")

    assert "AT" in out.split()
    assert "PLAIN" not in out.split()
    assert "No variables.\n" == inv(program, "env.map", "--changed", "--service", "db")[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("env.map", "--service", "apo"),
            "No service named 'apo' in the stack (did you mean 'api'?)",
        ),
        (("env.map", "--mode", "lokal"), "Unknown mode 'lokal' (did you mean 'local'?)"),
        (
            ("env.map", "--environment", "prod"),
            "no environment 'prod' (did you mean 'production'?)",
        ),
        (("env.explain", "PLANE"), "No service has a variable 'PLANE' (did you mean 'PLAIN'?)."),
        (("env.explain", "AT", "--service", "apo"), "No service named 'apo'"),
        (("env.generate", "--mode", "hybrid:tests"), "tests has no x-tranship.local"),
    ],
)
def test_wrong_usage(
    inv: Inv, program: Program, folder: Folder, words: tuple[str, ...], message: str
) -> None:
    before = folder.files()

    code, out, err = inv(program, *words)

    assert (2, "") == (code, out)
    assert message in err
    assert before == folder.files()


BAD = [
    (
        "envs/mapping.toml",
        '[services.api]\nA = "{B}"\nB = "{A}"\n',
        "envs/mapping.toml:2: A of api: the templates go in a circle: A -> B -> A.",
    ),
    (
        "envs/mapping.toml",
        '[services.api]\nA = "{levle}"\n',
        "envs/mapping.toml:2: A of api: {levle}: no such setting",
    ),
    (
        "envs/mapping.toml",
        '[services.api]\nA = "1"\n[services."db, api"]\nA = "2"\n',
        "envs/mapping.toml:4: A of api has two values; the other stands on line 2. Remove one.",
    ),
    ("envs/development.json", "[1]", "envs/development.json: the top level must be an object"),
    ("envs/development.json", b'{\n"a": "\xff"}', "envs/development.json:2: not valid UTF-8"),
    ("envs/base.json", '{"a": 1,\n\n"a": 2}', "envs/base.json:3: the key 'a' stands here again"),
    ("compose.yaml", "services:\n  a: {}\n  a: {}\n", "compose.yaml:3: the key 'a' stands twice"),
    ("compose.yaml", b"services:\n  a: {image: \xff}\n", "compose.yaml:2: not valid UTF-8"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_bad_input_is_one_line_and_exit_2_and_nothing_is_written(
    inv: Inv, program: Program, folder: Folder, name: str, content: str | bytes, message: str
) -> None:
    folder.write(name, content)
    before = folder.files()

    for command in ("env.map", "env.generate"):
        code, out, err = inv(program, command)

        *notes, error = err.splitlines()
        assert (2, "") == (code, out)
        assert error.removeprefix(f"{folder.root}/").startswith(message)
        assert all("not confirmed by Compose" in note for note in notes)
    assert before == folder.files()


def test_generating_and_checking(inv: Inv, program: Program, folder: Folder) -> None:
    code, out, err = inv(program, "env.generate", "--check")
    assert (1, 7) == (code, out.count("stale: .tranship/env/development/"))
    assert "Make them again: inv env.generate" in err

    assert (0, "7 of 7 files written to .tranship/env/development.\n") == (
        inv(program, "env.generate")[:2]
    )
    assert (0, "7 files are up to date.\n") == inv(program, "env.generate", "--check")[:2]
    assert "0 of 7 files written" in inv(program, "env.generate")[1]

    folder.write("envs/docker.json", '{"level": "trace"}')
    code, out, _ = inv(program, "env.generate", "--check")
    assert (1, 2) == (code, out.count("stale: "))


def test_another_folder(inv: Inv, program: Program, folder: Folder) -> None:
    _, out, _ = inv(program, "env.generate", "--mode", "docker", "--output", "made")

    assert "4 of 4 files written to made.\n" == out
    assert (folder.root / "made/docker/compose.override.yaml").is_file()


def test_nothing_up_cannot_be_verified(inv: Inv, program: Program, folder: Folder) -> None:
    code, _, err = inv(program, "env.verify")

    assert (2, True) == (code, "Nothing is up." in err)
