"""Reading compose files without a docker command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tranship.errors import ComposeFileError
from tranship.stack.files import compose_document, read_yaml


def document_of(
    folder: Path, *texts: str, variables: dict[str, str] | None = None
) -> dict[str, Any]:
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number}.yaml")
        paths[-1].write_text(text)
    return compose_document(tuple(paths), variables or {})


def service_of(folder: Path, body: str, variables: dict[str, str] | None = None) -> dict[str, Any]:
    document = document_of(folder, f"services: {{api: {body}}}", variables=variables)
    service: dict[str, Any] = document["services"]["api"]
    return service


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("services:\n  a: [1\n  b: 2\n", [":3:4: "]),
        ("a: &x\nb: *y\n", [":2:4: ", "undefined alias"]),
        ("a: b: c\n", [":1:5: "]),
        ("- a\n", [": the top level must be a mapping"]),
        ("", [": the top level must be a mapping"]),
        ("a: !python/object:os.system x\n", [":1:4: ", "could not determine a constructor"]),
        ("a: \x01\n", ["not valid YAML"]),
    ],
)
def test_yaml_errors_say_where(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(text)

    with pytest.raises(ComposeFileError) as raised:
        read_yaml(path)

    message = str(raised.value)
    assert message.startswith(str(path))
    assert [] == [word for word in words if word not in message]


def test_a_file_that_is_not_there_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ComposeFileError, match=r"no such compose file.*compose-files"):
        read_yaml(tmp_path / "compose.yaml")


@pytest.mark.parametrize("content", [None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "compose.yaml"
    path.mkdir() if content is None else path.write_bytes(content)

    with pytest.raises(ComposeFileError, match=r"compose\.yaml: cannot be read"):
        read_yaml(path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\n")

    assert {"name": "x"} == read_yaml(path)


def test_composes_own_tags_are_plain_values(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text("a: !override [1]\nb: !reset x\nc: !override {d: e}\nf: !override g\n")

    assert {"a": [1], "b": None, "c": {"d": "e"}, "f": "g"} == read_yaml(path)


def port(target: int, published: str | None = None, **more: str | None) -> dict[str, Any]:
    return {"target": target, "published": published, "host_ip": None, "protocol": "tcp", **more}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[80]", [port(80)]),
        ('["8080:80"]', [port(80, "8080")]),
        ('["8080:80/udp"]', [port(80, "8080", protocol="udp")]),
        ('["127.0.0.1:8080:80"]', [port(80, "8080", host_ip="127.0.0.1")]),
        ('["127.0.0.1::80"]', [port(80, "", host_ip="127.0.0.1")]),
        ('["[::1]:8080:80"]', [port(80, "8080", host_ip="[::1]")]),
        ('["5000-5001:6000-6001"]', [port(6000, "5000"), port(6001, "5001")]),
        ('["6000-6001"]', [port(6000), port(6001)]),
        (
            '["127.0.0.1:5000-5001:6000-6001"]',
            [port(6000, "5000", host_ip="127.0.0.1"), port(6001, "5001", host_ip="127.0.0.1")],
        ),
        ('[{target: "80", published: 8080}]', [{"target": 80, "published": 8080}]),
    ],
)
def test_ports(tmp_path: Path, text: str, expected: list[dict[str, Any]]) -> None:
    assert expected == service_of(tmp_path, f"{{ports: {text}}}")["ports"]


@pytest.mark.parametrize("text", ["[http]", '["80:x"]', "[{published: 80}]", '["a-b"]'])
def test_what_is_no_port_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ComposeFileError, match=r"0\.yaml: services\.api\.ports: .* is not a port"):
        service_of(tmp_path, f"{{ports: {text}}}")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{environment: {A: 1, B: true, C: null, D: null}}", {"A": "1", "B": "true"}),
        ("{environment: [A=1, 'B=x=y', C]}", {"A": "1", "B": "x=y"}),
        ("{}", {}),
    ],
)
def test_environment(tmp_path: Path, body: str, expected: dict[str, str]) -> None:
    found = service_of(tmp_path, body, {"C": "shell"})["environment"]

    assert expected | ({"C": "shell"} if "C" in body else {}) == {
        name: value for name, value in found.items() if value is not None
    }


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("one.env", {"A": "one", "B": "$HOME", "Z": "own"}),
        ("[one.env, two.env]", {"A": "two", "B": "$HOME", "Z": "own"}),
        ("[{path: two.env}]", {"A": "two", "Z": "own"}),
        ("[{path: none.env, required: false}]", {"Z": "own"}),
    ],
)
def test_env_files(tmp_path: Path, entry: str, expected: dict[str, str]) -> None:
    (tmp_path / "one.env").write_text("A=one\nB='$HOME'\nZ=file\n")
    (tmp_path / "two.env").write_text("A=two\n")

    found = service_of(tmp_path, f"{{env_file: {entry}, environment: {{Z: own}}}}")

    assert expected == found["environment"]


def test_an_env_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ComposeFileError, match=r"0\.yaml:1: env_file .*x\.env does not exist"):
        service_of(tmp_path, "{env_file: x.env}")


@pytest.mark.parametrize("text", ["[db, bus]", "{db: {}, bus: {}}"])
def test_dependencies_as_list_and_as_mapping(tmp_path: Path, text: str) -> None:
    assert {"db": {}, "bus": {}} == service_of(tmp_path, f"{{depends_on: {text}}}")["depends_on"]


def test_files_merge_in_their_order(tmp_path: Path) -> None:
    found = document_of(
        tmp_path,
        "{name: one, services: {a: {image: x, environment: {A: 1, B: 2}, expose: [1, 2]}}}",
        "{name: two, services: {a: {environment: {B: 3}, expose: [2, 3]}, b: {image: y}}}",
    )

    assert "two" == found["name"]
    assert ("x", {"A": "1", "B": "3"}, [1, 2, 3]) == tuple(
        found["services"]["a"][key] for key in ("image", "environment", "expose")
    )
    assert "y" == found["services"]["b"]["image"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("include: [x.yaml]", "`include` needs the docker command"),
        ("services: {a: {extends: b}}", "services.a.extends needs the docker command"),
        ("services: {a: text}", "services.a must be a mapping"),
        ("services: [a]", "services must be a mapping"),
    ],
)
def test_what_only_compose_can_read_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ComposeFileError) as raised:
        document_of(tmp_path, text)

    assert f"{tmp_path / '0.yaml'}: {message}" in str(raised.value)
