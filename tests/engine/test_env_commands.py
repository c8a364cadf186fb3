"""`inv env.*` against real containers and the real Compose: what is written arrives as it is."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from tranship.envmap.dotenvfile import compose_dotenv

from .projects import Project, container, docker, free_port, get, until, web

HARD = {
    "DOLLAR": "corr3ct$battery $HOME ${HOME} $$ \\$",
    "QUOTES": "it's \"quoted\" `id` '",
    "HASH": "a #b# #",
    "BACKSLASH": "back\\slash \\n \\",
    "MULTI": "one\ntwo\n\n",
    "CARRIAGE": "a\r\nb\rc",
    "TABS": "\tx\t",
    "SPACES": "  both ends  ",
    "EMPTY": "",
    "UNICODE": "größe 日本 🚢 \u2028\x85\xa0",
    "BRACES": "{x} {{y}} %s",
    "CONTROL": "\x01\x1b[0m\x7f\a\b\f\v",
    "YAML": ": - ? ! & * | > @ true null ~ 0x1F 012 1e3",
    "LONG": "x" * 5000 + " y",
}


def random_values(count: int) -> dict[str, str]:
    """Return the same hard values each time."""
    source = random.Random(2311)
    alphabet = "'\"\\$#{}=:;,\n\r\tabnrtx0 `%ü🚢\x0b\x85~!*&"
    return {
        f"V{index}": "".join(source.choices(alphabet, k=source.randrange(1, 12)))
        for index in range(count)
    }


def written(project: Project, values: Mapping[str, str]) -> None:
    """Let the mapping give these values to the service `web`."""
    folder = project.root / "envs"
    folder.mkdir()
    (folder / "base.json").write_text(json.dumps({"exact": dict(values)}))
    (folder / "development.json").write_text("{}")
    lines = [f'{name} = "{{exact.{name}}}"' for name in values]
    (folder / "mapping.toml").write_text("\n".join(["[services.web]", *lines]) + "\n")


def compose(project: Project, *words: str) -> str:
    """Return what plain `docker compose` prints, with nothing of ours in between."""
    command = ["compose", "--project-directory", str(project.root), *words]
    return docker(*command)


def test_compose_reads_back_what_its_env_file_was_given(project: Project) -> None:
    values = {**HARD, **random_values(400)}
    service = {"image": "x", "environment": {name: f"${{{name}}}" for name in values}}
    project.compose({"web": service})
    path = project.root / "exact.env"
    path.write_bytes(compose_dotenv(values).encode())

    printed = compose(
        project,
        "--env-file",
        str(path),
        "-f",
        str(project.compose_file),
        "config",
        "--format",
        "json",
    )

    environment = json.loads(printed)["services"]["web"]["environment"]
    read = {name: value.replace("$$", "$") for name, value in environment.items()}
    assert {} == {
        name: (values[name], value) for name, value in read.items() if value != values[name]
    }
    assert set(values) == set(read)


class _Loader(yaml.SafeLoader):
    """A loader that knows Compose's own tag."""


_Loader.add_constructor("!reset", lambda *_: None)


def test_plain_compose_with_the_override_gives_a_container_exactly_that(project: Project) -> None:
    values = {**HARD, **random_values(100)}
    port = free_port()
    project.compose({"web": web(port, environment={"DROPPED": "x", "KEPT": "$$k"})})
    written(project, values)
    mapping = project.root / "envs" / "mapping.toml"
    mapping.write_text(mapping.read_text() + 'DROPPED = "{nothing}"\n')
    (project.root / "envs" / "development.json").write_text('{"nothing": null}')
    project.inv("env.generate", "--mode", "docker", "--output", "made").exits(0)
    override = project.root / "made" / "docker" / "compose.override.yaml"
    files = ["-f", str(project.compose_file), "-f", str(override)]
    expected = {**values, "KEPT": "$k"}

    document = yaml.load(override.read_text(), _Loader)
    by_yaml = document["services"]["web"]["environment"]
    assert {**{k: v.replace("$", "$$") for k, v in expected.items()}, "DROPPED": None} == by_yaml
    resolved = json.loads(compose(project, *files, "config", "--format", "json"))
    by_compose = resolved["services"]["web"]["environment"]
    assert expected == {name: value.replace("$$", "$") for name, value in by_compose.items()}

    compose(project, *files, "up", "--detach", "--quiet-pull")
    until(lambda: _answers(port), "the service answers")
    real = get(port, "/environment")
    assert {} == {
        name: (value, real.get(name)) for name, value in expected.items() if real.get(name) != value
    }
    assert "DROPPED" not in real


def _answers(port: int) -> bool:
    try:
        return bool(get(port))
    except OSError:
        return False


def test_ours_gives_a_container_exactly_that_and_verifies_it(project: Project) -> None:
    port = free_port()
    project.compose({"web": web(port)})
    written(project, HARD)

    project.inv("docker.up").exits(0)

    real = get(port, "/environment")
    assert HARD == {name: real.get(name) for name in HARD}
    done = project.inv("env.verify").exits(0)
    assert f"{len(HARD)} variables of 1 services are as the mapping says." in done.out


SECRETS = ("geheim-one", "geheim-two", "geheim-three")


def secretive(project: Project, port: int) -> Project:
    project.compose(
        {
            "web": web(
                port,
                environment={
                    "API_TOKEN": SECRETS[0],
                    "DB_URL": f"postgres://u:{SECRETS[1]}@aside:8000/x",
                    "LEVEL": "info",
                },
            ),
            "aside": container("serve", "8000"),
        }
    )
    (project.root / "envs").mkdir()
    (project.root / "envs" / "production.json").write_text("{}")
    (project.root / "envs" / "development.json").write_text(json.dumps({"key": SECRETS[2]}))
    (project.root / "envs" / "mapping.toml").write_text('[services.web]\nSECRET_KEY = "{key}"\n')
    return project


def test_what_was_changed_behind_its_back_is_found(project: Project) -> None:
    port = free_port()
    secretive(project, port).inv("docker.up").exits(0)
    project.inv("env.verify").exits(0)
    document: dict[str, Any] = yaml.safe_load(project.compose_file.read_text())
    environment = document["services"]["web"]["environment"]
    environment |= {"LEVEL": "debug", "API_TOKEN": "geheim-four"}
    tampered = project.root / "tampered.yaml"
    tampered.write_text(yaml.safe_dump(document))

    # SECRET_KEY is in no compose file: this container has not heard of it.
    compose(project, "-f", str(tampered), "up", "--detach", "--no-deps", "web")
    done = project.inv("env.verify").exits(1)

    assert ["web", "docker", "LEVEL", "info", "debug", "differs"] == row(done.out, "LEVEL")[:6]
    assert ["web", "docker", "SECRET_KEY", "******", "-", "missing"] == (
        row(done.out, "SECRET_KEY")[:6]
    )
    assert ["******", "******", "differs"] == row(done.out, "API_TOKEN")[3:6]
    assert "DB_URL" not in done.out, "what is as it should be is shown on request"
    assert "DB_URL" in project.inv("env.verify", "--all").exits(1).out
    done.says("3 of 4 variables of 1 services are not as the mapping says")
    assert "geheim" not in done.text
    project.inv("env.verify", "--service", "aside").exits(0)
    project.inv("env.verify", "--service", "nobody").exits(2)


def row(text: str, variable: str) -> list[str]:
    (found,) = (line.split() for line in text.splitlines() if variable in line.split())
    return found


def test_a_process_is_read_as_well(project: Project) -> None:
    port = free_port()
    secretive(project, port)
    project.inv("local.up", "--service", "web").exits(0)
    try:
        done = project.inv("env.verify", "--all").exits(0)
        assert ["web", "local", "LEVEL", "info", "info", "same"] == row(done.out, "LEVEL")[:6]
        assert row(done.out, "LEVEL")[6].startswith("/proc/")
        (project.root / "envs" / "mapping.toml").write_text('[services.web]\nLEVEL = "debug"\n')
        done = project.inv("env.verify").exits(1)
        assert ["debug", "info", "differs"] == row(done.out, "LEVEL")[3:6]
    finally:
        project.inv("local.down")


def test_nothing_up_is_wrong_usage(project: Project) -> None:
    project.compose({"web": web(free_port())})

    project.inv("env.verify").exits(2).says("Nothing is up.")


def test_no_command_shows_a_secret(project: Project) -> None:
    secretive(project, free_port())
    shown = "".join(
        project.inv(*words).text
        for words in (
            ["env.map"],
            ["env.explain", "API_TOKEN"],
            ["env.explain", "DB_URL"],
            ["env.explain", "SECRET_KEY"],
            ["env.generate"],
            ["env.generate", "--check"],
            ["env.check"],
            ["env.diff", "local", "docker"],
            ["env.diff", "development", "production"],
        )
    )

    assert "Traceback" not in shown
    assert "******" in shown
    assert [] == [secret for secret in SECRETS if secret in shown]


def test_generated_files_are_stale_when_the_mapping_changes(project: Project) -> None:
    secretive(project, free_port())
    folder = project.root / ".tranship" / "env" / "development"

    project.inv("env.generate", "--check").exits(1).says("stale: .tranship/env/development/")
    assert not folder.exists(), "--check writes nothing"
    project.inv("env.generate").exits(0)
    before = contents(folder)
    project.inv("env.generate", "--check").exits(0).says("files are up to date")
    project.inv("env.generate").exits(0).says("0 of ")
    assert before == contents(folder)
    assert {0o600} == {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}

    (project.root / "envs" / "development.json").write_text('{"key": "other"}')
    done = project.inv("env.generate", "--check").exits(1)
    assert done.out.count("stale: ") == 3, "both sides' web.env, and the override"
    assert before == contents(folder)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_bad_input_is_one_line_and_writes_nothing(project: Project) -> None:
    secretive(project, free_port())
    (project.root / "envs" / "mapping.toml").write_text('[services.web]\nA = "{B}"\nB = "{A}"\n')

    for command in (["env.map"], ["env.generate"], ["docker.up"], ["hybrid.up", "--local", "web"]):
        done = project.inv(*command).exits(2)
        *progress, error = done.err.splitlines()
        assert "envs/mapping.toml:2: A of web: the templates go in a circle: A -> B -> A." == error
        assert "" == done.out
        assert len(progress) <= 1
    assert [] == project.left()
    assert not list((project.root / ".tranship").rglob("*.env"))
    assert not list((project.root / ".tranship").rglob("compose*"))


def test_compose_must_not_be_there_for_the_table(project: Project, tmp_path: Path) -> None:
    secretive(project, free_port())

    with_docker = project.inv("env.map").exits(0)
    without = project.inv("env.map", PATH=str(tmp_path)).exits(0)

    assert with_docker.out == without.out
    assert "" == with_docker.err
    without.says("No docker command: read from the files alone, not confirmed by Compose.")
