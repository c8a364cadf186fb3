"""Every declaration of every variable, with its place, and the values of YAML scalars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tranship.errors import ComposeFileError
from tranship.stack import scalars
from tranship.stack.engine import ComposeProject
from tranship.stack.files import compose_document, read_yaml
from tranship.stack.model import parse
from tranship.stack.sources import Declared, Use, declarations


def project(folder: Path, files: Mapping[str, str], **options: object) -> ComposeProject:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    composes = tuple(folder / name for name in files if name.endswith(".yaml") and "/" not in name)
    return ComposeProject(files=composes, **options)  # type: ignore[arg-type]


def declared(given: ComposeProject) -> dict[str, dict[str, tuple[Declared, ...]]]:
    names = {name: {} for path in given.files for name in read_yaml(path).get("services", {})}
    return declarations(
        given, parse({"name": "p", "services": names}, given.files, confirmed=False)
    )


def places(each: tuple[Declared, ...]) -> list[tuple[str | None, str, int]]:
    return [(one.value, one.file.name, one.line) for one in each]


def winners(variables: Mapping[str, tuple[Declared, ...]]) -> dict[str, str | None]:
    return {name: each[-1].value for name, each in variables.items()}


def test_mapping_list_env_files_and_a_second_file(tmp_path: Path) -> None:
    given = project(
        tmp_path,
        {
            "compose.yaml": (
                "services:\n  web:\n    env_file: [a.env, b.env]\n"
                "    environment:\n      X: env\n      Y: 1.10\n      Z: ${V:-d}\n"
            ),
            "over.yaml": "services:\n  web:\n    environment:\n      - X=over\n      - N\n",
            "a.env": "X=a\nW=a\n",
            "b.env": "\nX=b\nR=$W\n",
        },
    )
    web = declared(given)["web"]

    assert [
        ("a", "a.env", 1),
        ("b", "b.env", 2),
        ("env", "compose.yaml", 5),
        ("over", "over.yaml", 4),
    ] == places(web["X"])
    assert (
        Declared("web", "Y", "1.10", "1.1", tmp_path / "compose.yaml", 6, "environment")
        == web["Y"][0]
    )
    assert (
        Declared(
            "web",
            "Z",
            "${V:-d}",
            "d",
            tmp_path / "compose.yaml",
            7,
            "environment",
            (Use("V", "d", "default"),),
        )
        == web["Z"][0]
    )
    assert (
        Declared(
            "web",
            "R",
            "$W",
            "a",
            tmp_path / "b.env",
            3,
            "env_file",
            (Use("W", "a", "env file", tmp_path / "a.env", 2),),
        )
        == web["R"][0]
    )
    assert (
        Declared(
            "web",
            "N",
            None,
            None,
            tmp_path / "over.yaml",
            5,
            "environment",
            (Use("N", None, "unset"),),
        )
        == web["N"][0]
    )


def test_merged_anchors_keep_their_own_lines(tmp_path: Path) -> None:
    given = project(
        tmp_path,
        {
            "compose.yaml": (
                "x-a: &a\n  A: a\n  B: a\n  C: a\nx-b: &b\n  A: b\n  B: b\n"
                "services:\n  web:\n    environment:\n      A: own\n      <<: [*a, *b]\n"
                "  one: {environment: *a}\n"
            )
        },
    )
    found = declared(given)

    assert [
        ("b", "compose.yaml", 6),
        ("a", "compose.yaml", 2),
        ("own", "compose.yaml", 11),
    ] == places(found["web"]["A"])
    assert [("b", "compose.yaml", 7), ("a", "compose.yaml", 3)] == places(found["web"]["B"])
    assert [("a", "compose.yaml", 4)] == places(found["one"]["C"])
    assert "one" == found["one"]["C"][0].service


def test_the_shell_comes_before_the_env_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S", "shell")
    monkeypatch.setenv("KEPT", "out")
    given = project(
        tmp_path,
        {
            "compose.yaml": "services: {web: {environment: [S, V, R, KEPT, U]}}\n",
            "one.env": "S=one\nV=one\n",
            "two.env": "V=two\n\nR=$V-$S\n",
        },
        env_files=(tmp_path / "one.env", tmp_path / "two.env"),
        pass_env=("S",),
    )
    web = declared(given)["web"]

    assert {"S": "shell", "V": "two", "R": "one-shell", "KEPT": None, "U": None} == winners(web)
    assert (Use("S", "shell", "shell"),) == web["S"][0].uses
    assert (Use("R", "one-shell", "env file", tmp_path / "two.env", 3),) == web["R"][0].uses


def test_dotenv_beside_the_first_file_is_read_when_none_is_named(tmp_path: Path) -> None:
    files = {"compose.yaml": "services: {web: {environment: [V]}}\n", ".env": "V=dotenv\n"}
    assert {"V": "dotenv"} == winners(declared(project(tmp_path, files))["web"])
    none = project(tmp_path, files, env_files=(Path("/dev/null"),))
    assert {"V": None} == winners(declared(none)["web"])


def test_the_project_name_is_composes_own(tmp_path: Path) -> None:
    given = project(
        tmp_path, {"compose.yaml": "services: {web: {environment: {P: $COMPOSE_PROJECT_NAME}}}\n"}
    )
    assert {"P": "p"} == winners(declared(given)["web"])


def test_a_name_alone_in_an_env_file_takes_nothing_away(tmp_path: Path) -> None:
    given = project(
        tmp_path,
        {"compose.yaml": "services: {web: {env_file: a.env}}\n", "a.env": "V=1\nV\nU\n"},
    )
    web = declared(given)["web"]
    assert {"V": "1", "U": None} == winners(web)
    assert [(None, "a.env", 2), ("1", "a.env", 1)] == places(web["V"])


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ("{environment: !override {B: 3}}", {"F": "file", "B": "3"}),
        ("{environment: !reset null}", {"F": "file"}),
        ("{environment: {A: !reset null}}", {"F": "file", "B": "2"}),
        ("{env_file: !reset []}", {"A": "1", "B": "2"}),
        ("{env_file: [{path: no.env, required: false}]}", {"F": "file", "A": "1", "B": "2"}),
        ("{env_file: [{path: raw.env, format: raw}]}", {"F": "'$A' #x", "A": "1", "B": "2"}),
        ("!override {environment: [Z=1]}", {"Z": "1"}),
    ],
)
def test_reset_override_and_the_long_form(
    tmp_path: Path, over: str, expected: dict[str, str]
) -> None:
    given = project(
        tmp_path,
        {
            "compose.yaml": "services: {web: {env_file: a.env, environment: {A: 1, B: 2}}}\n",
            "over.yaml": f"services:\n  web: {over}\n",
            "a.env": "F=file\n",
            "raw.env": "F='$A' #x\n",
        },
    )
    assert expected == winners(declared(given)["web"])


def test_reset_of_one_variable_fails_once_two_files_were_joined(tmp_path: Path) -> None:
    given = project(
        tmp_path,
        {
            "compose.yaml": "services: {web: {environment: {A: 1}}}\n",
            "b.yaml": "services: {web: {environment: {B: 1}}}\n",
            "c.yaml": "services: {web: {environment: {A: !reset null}}}\n",
        },
    )
    assert {"A": "1", "B": "1"} == winners(declared(given)["web"])


def test_extends_is_followed(tmp_path: Path) -> None:
    given = project(
        tmp_path,
        {
            "compose.yaml": (
                "services:\n  web:\n    extends: {file: base/base.yaml, service: base}\n"
                "    environment: [A=own]\n  api: {extends: web}\n"
            ),
            "base/base.yaml": (
                "services: {base: {env_file: b.env, environment: {A: base, B: base}}}\n"
            ),
            "base/b.env": "F=file\n",
        },
    )
    found = declared(given)
    assert {"F": "file", "A": "own", "B": "base"} == winners(found["web"]) == winners(found["api"])
    assert "api" == found["api"]["F"][0].service


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "services:\n  web:\n    env_file: [no.env]\n",
            r"compose\.yaml:3: env_file .*no\.env does not exist",
        ),
        (
            "services:\n  web:\n    environment:\n      A: ${U:?m}\n",
            r"compose\.yaml:4: U is required: m",
        ),
        (
            "services:\n  web:\n    environment:\n      A: 1\n      A: 2\n",
            r"compose\.yaml:5: the key 'A' stands twice \(first on line 4\)",
        ),
        (
            "services:\n  web:\n    environment:\n      A: [1]\n",
            r"compose\.yaml:4: A of web must be one value",
        ),
        (
            "services:\n  web:\n    environment:\n      A: .inf\n",
            r"compose\.yaml:4: \.inf is no value",
        ),
        (
            "services:\n  web:\n    extends: wbe\n  wba: {}\n",
            r"compose\.yaml:3: extends 'wbe'.*did you mean 'w",
        ),
        ("services:\n  web:\n    extends: web\n", r"compose\.yaml:3: extends goes in a circle"),
        (
            "services:\n  web:\n    env_file: [{path: x, format: xml}]\n",
            r"compose\.yaml:3: unknown env_file format 'xml'",
        ),
        (
            "services:\n  a: &a\n    environment: &e\n      <<: *e\n",
            r"compose\.yaml:\d+: `<<` merges",
        ),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    given = ComposeProject(files=(tmp_path / "compose.yaml",))
    with pytest.raises(ComposeFileError, match=message):
        declared(given)


def test_a_malformed_env_file_of_compose_is_refused(tmp_path: Path) -> None:
    given = project(tmp_path, {"compose.yaml": "services: {web: {}}\n", ".env": "A=1\nLAST"})
    with pytest.raises(ComposeFileError, match=r"\.env:2: a value without a name"):
        declared(given)


def test_the_document_from_the_files_has_the_same_values(tmp_path: Path) -> None:
    given = project(
        tmp_path,
        {
            "compose.yaml": (
                "services:\n  web:\n    env_file: a.env\n"
                "    environment: {A: yes, B: 1.10, C: , D: $V, T: True}\n"
            ),
            "over.yaml": "services: {web: {environment: [A=over]}}\n",
            "a.env": "F=a$$b\nN\nC=file\n",
        },
    )
    document = compose_document(given.files, {"V": "v"})
    assert {
        "F": "a$b",
        "A": "over",
        "B": "1.1",
        "C": None,
        "D": "v",
        "T": "true",
    } == document["services"]["web"]["environment"]


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    given = project(tmp_path, {"compose.yaml": "\ufeffservices: {web: {environment: [A=1]}}\n"})
    assert {"A": "1"} == winners(declared(given)["web"])


def test_services_of_the_stack_that_no_file_names_have_none(tmp_path: Path) -> None:
    given = project(tmp_path, {"compose.yaml": "services: {web: {environment: [A=1]}}\n"})
    stack = parse({"services": {"web": {}, "included": {}}}, given.files, confirmed=True)
    assert {} == declarations(given, stack)["included"]


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        ("word", "word"), ("", None), ("~", None), ("Null", None), ("nULL", "nULL"),
        ("True", "true"), ("yes", "yes"), ("off", "off"), ("n", "n"),
        ("+5", "5"), ("1_000", "1000"), ("010", "8"), ("0o17", "15"), ("09", "9"), ("0x1F", "31"),
        ("-0b11", "-3"), ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "1.8446744073709552e+19"),
        ("1.10", "1.1"), ("5.", "5"), (".5", "0.5"), ("-0.0", "-0"), ("1e3", "1000"),
        ("999999.5", "999999.5"), ("1234567.0", "1.234567e+06"), ("0.0001", "0.0001"),
        ("1e-5", "1e-05"), ("1e400", "1e400"), ("1.5e+300", "1.5e+300"),
        ("12:30:45", "12:30:45"), ("1.2.3", "1.2.3"), ("2024-01-32", "2024-01-32"),
        ("2024-1-2", "2024-01-02 00:00:00 +0000 UTC"),
        ("2024-01-02T03:04:05", "2024-01-02T03:04:05"),
        ("2024-01-02T03:04:05.50Z", "2024-01-02 03:04:05.5 +0000 UTC"),
        ("2024-01-02 03:04:05", "2024-01-02 03:04:05 +0000 UTC"),
        ("2024-01-01T10:00:00+02:00", "2024-01-01 10:00:00 +0200 +0200"),
    ],
)  # fmt: skip
def test_plain_scalars_become_what_go_prints(plain: str, text: str | None) -> None:
    assert text == scalars.text(plain)
