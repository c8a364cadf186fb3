"""What Compose makes of a variable: our prediction, `docker compose config` and a container.

Each case is a service; the cases of one surrounding (shell, `.env`, `--env-file`) are one
project. `Case.corrupted` names the variables whose author meant something else than what the
container gets, without a word from Compose, and what that was.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tranship.stack import dotenv
from tranship.stack.engine import ComposeProject, document_of, require_engine
from tranship.stack.model import parse
from tranship.stack.sources import Declared, declarations

pytestmark = pytest.mark.engine

UNSET = None


@dataclass(frozen=True)
class Surrounding:
    """What all cases of one project share."""

    shell: Mapping[str, str] = field(default_factory=dict)
    """The variables that Compose may see."""
    hidden: Mapping[str, str] = field(default_factory=dict)
    """Further variables of the shell, which Tranship keeps from Compose."""
    dotenv: str = ""
    env_files: tuple[str, ...] = ()


SURROUNDINGS = {
    "bare": Surrounding(hidden={"HIDDEN": "of the shell"}),
    "dotenv": Surrounding(
        dotenv=(
            "\ufeffV=dotenv\n"
            "EMPTY=\n"
            "ONLY=in dotenv   \n"
            'QUOTED="a  b"\n'
            "SINGLE='$V #x'\n"
            "PRICE=5$$\n"
            "HASH=a#b #c\n"
            'LINES="one\ntwo"\n'
            "UNI=größe 日本 🚢\n"
            "REF=${V}-${ONLY:+ref}\r\n"
            "export EXPORTED=yes\n"
        )
    ),
    "shell": Surrounding(
        shell={
            "V": "shell",
            "EMPTY": "",
            "ODD": "a$b \"q\" 'q' #x \\n",
            "LINES": "one\ntwo\n",
            "UNI": "größe 日本 🚢",
            "A": "shell's",
        },
        dotenv="V=dotenv\nEMPTY=dotenv\nREF=${V}\nW=dotenv\nEMPTY_REF=${EMPTY:-soft}${EMPTY-hard}\n",
    ),
    "--env-file": Surrounding(
        shell={"S": "shell"},
        dotenv="V=unread\nUNREAD=unread\n",
        env_files=("V=one\nW=one\nS=one\nTWICE=1\nTWICE=2\n", "V=two\nX=$V\nY=$W\nS=two\nZ=$S\n"),
    ),
}


@dataclass(frozen=True)
class Case:
    """One service: what it declares, and what its container must get."""

    name: str
    expected: Mapping[str, str | None]
    environment: str = ""
    """YAML, in flow or block form."""
    env_files: tuple[str, ...] = ()
    override: str = ""
    """The service's body in a second compose file, in flow form."""
    within: str = "bare"
    corrupted: Mapping[str, str | None] = field(default_factory=dict)


CASES = (
    # environment alone
    Case("mapping", {"A": "1", "B": "b c"}, "{A: 1, B: b c}"),
    Case("list", {"A": "1", "B": "b=c", "C": ""}, "[A=1, B=b=c, C=]"),
    Case("list-last-wins", {"A": "2"}, "[A=1, A=2]"),
    Case("empty", {"A": "", "B": UNSET}, '{A: "", B: }'),
    Case("dollar", {"A": "$x", "B": "$$", "C": "5$ $1"}, "{A: $$x, B: $$$$, C: 5$ $1}"),
    Case("hash", {"A": "a#b", "B": "a", "C": "a #b"}, '{A: a#b, B: a #b\n, C: "a #b"}'),
    Case("quotes", {"A": "it's", "B": '"q"', "C": "\\n"}, """{A: "it's", B: '"q"', C: '\\n'}"""),
    Case("lines", {"A": "one\ntwo\n", "B": "a\tb"}, '\n  A: |\n    one\n    two\n  B: "a\\tb"'),
    Case("unicode", {"A": "größe 日本 🚢"}, "{A: größe 日本 🚢}"),
    Case(
        "unset",
        {"A": "", "B": "d", "C": "d", "D": ""},
        "[A=$U, 'B=${U:-d}', 'C=${U-d}', 'D=${U:+d}']",
    ),
    Case("nested", {"A": "n-x", "B": "$"}, "['A=${U:-n-${U2:-x}}', 'B=${U:-$$}']"),
    Case(
        "hidden-shell",
        {"HIDDEN": UNSET, "A": "", "B": "d"},
        '{HIDDEN: , A: "$HIDDEN", B: "${HIDDEN:-d}"}',
    ),
    Case("project-name", {"A": "=name="}, "{A: $COMPOSE_PROJECT_NAME}"),
    Case(
        "yaml-numbers",
        {"VERSION": "1.1", "MODE": "8", "LIMIT": "1.234567e+06", "COMMIT": "1.2e+08"},
        "{VERSION: 1.10, MODE: 010, LIMIT: 1234567.0, COMMIT: 12e7}",
        corrupted={"VERSION": "1.10", "MODE": "010", "LIMIT": "1234567.0", "COMMIT": "12e7"},
    ),
    Case(
        "yaml-words",
        {
            "A": "true",
            "B": "yes",
            "C": "off",
            "D": "12:30:45",
            "DAY": "2024-01-02 00:00:00 +0000 UTC",
        },
        "{A: True, B: yes, C: off, D: 12:30:45, DAY: 2024-01-02}",
        corrupted={"A": "True", "DAY": "2024-01-02"},
    ),
    # env_file alone
    Case("file", {"A": "1", "B": "", "C": "c d"}, env_files=("A=1\nB=\nC=c d  \n",)),
    Case("file-last-line-wins", {"A": "2"}, env_files=("A=1\nA=2\n",)),
    Case("file-later-wins", {"A": "2", "B": "1"}, env_files=("A=1\nB=1\n", "A=2\n")),
    Case(
        "file-quotes",
        {"A": "a b", "B": "it's", "C": 'a"b', "D": "x"},
        env_files=("A='a b'\nB='it\\'s'\nC=\"a\\\"b\"\nexport D=x\n",),
    ),
    Case(
        "file-escapes",
        {"A": "a\nb\tc\\d", "B": "a\\nb", "C": "A"},
        env_files=('A="a\\nb\\tc\\\\d"\nB=\'a\\nb\'\nC="\\0101"\n',),
    ),
    Case(
        "file-lines",
        {"A": "one\ntwo", "B": "one\n\ntwo"},
        env_files=("A='one\ntwo'\nB=\"one\n\ntwo\"",),
    ),
    Case("file-crlf-bom", {"A": "1", "B": "b"}, env_files=("\ufeffA=1\r\nB='b'\r\n",)),
    Case("file-colon", {"A": "1", "B": "b:c"}, env_files=("A: 1\nB: b:c\n",)),
    Case("file-unicode", {"A": "größe 日本 🚢", "B": "ü"}, env_files=("A=größe 日本 🚢\nB='ü'\n",)),
    Case(
        "file-kept-dollars",
        {"A": "a$b", "B": "a$b", "C": "a$b", "D": "5$"},
        env_files=("A='a$b'\nB=a$$b\nC=\"a\\$b\"\nD=5$\n",),
    ),
    Case(
        "file-kept-hash",
        {"A": "a#b", "B": "a #b", "C": "a"},
        env_files=("A=a#b\nB='a #b'\nC=a # comment\n",),
    ),
    Case("file-own-reference", {"A": "1", "B": "1-x"}, env_files=("A=1\nB=${A}-${U:-x}\n",)),
    Case("file-name-alone", {"A": UNSET, "B": "1"}, env_files=("A\nB=1\nB\n",)),
    Case(
        "file-dollar",
        {"PASSWORD": "corr3ct", "HOME_": "=home="},
        env_files=("PASSWORD=corr3ct$battery\nHOME_=$HOME\n",),
        corrupted={"PASSWORD": "corr3ct$battery", "HOME_": "$HOME"},
    ),
    Case(
        "file-double-quoted-dollar",
        {"PASSWORD": "a"},
        env_files=('PASSWORD="a$b"\n',),
        corrupted={"PASSWORD": "a$b"},
    ),
    Case(
        "file-two-dollars",
        {"PASSWORD": "a$b"},
        env_files=("PASSWORD=a$$b\n",),
        corrupted={"PASSWORD": "a$$b"},
    ),
    Case("file-cut", {"A": "a"}, env_files=("A=a #b\n",), corrupted={"A": "a #b"}),
    Case("file-comment-alone", {"A": "#x"}, env_files=("A= #x\n",), corrupted={"A": ""}),
    Case("file-tab-comment", {"A": "x\t#y"}, env_files=("A=x\t#y\n",), corrupted={"A": "x"}),
    Case("file-trimmed", {"A": "x"}, env_files=("A=  x  \n",), corrupted={"A": "  x  "}),
    Case(
        "file-backslash",
        {"A": "C:\\temp", "B": "C:\temp"},
        env_files=('A=C:\\temp\nB="C:\\temp"\n',),
        corrupted={"B": "C:\\temp"},
    ),
    Case("file-json", {"A": "{a:1}x"}, env_files=("A={a:1}x\n",)),
    Case(
        "file-after-quote",
        {"A": "x", "B": "y"},
        env_files=("A='x' B=y\n",),
        corrupted={"A": "x' B=y"},
    ),
    Case(
        "file-reads-earlier-file",
        {"A": "2", "B": "1"},
        env_files=("A=1\n", "A=2\nB=$A\n"),
        corrupted={"B": "2"},
    ),
    # environment over env_file
    Case("environment-wins", {"A": "env", "B": "file"}, "{A: env}", ("A=file\nB=file\n",)),
    Case("empty-wins", {"A": ""}, '{A: ""}', ("A=file\n",)),
    Case(
        "list-deletes", {"A": UNSET, "B": "b"}, "[A]", ("A=file\nB=b\n",), corrupted={"A": "file"}
    ),
    Case("null-deletes", {"A": UNSET}, "{A: null}", ("A=file\n",), corrupted={"A": "file"}),
    Case("file-not-interpolated-with", {"A": "d", "B": "file"}, "{A: '${B:-d}'}", ("B=file\n",)),
    # a second compose file
    Case(
        "override-wins",
        {"A": "2", "B": "1", "C": "2"},
        "{A: 1, B: 1}",
        override="{environment: [A=2, C=2]}",
    ),
    Case("override-takes", {"A": UNSET}, "{A: 1}", override="{environment: [A]}"),
    Case(
        "override-tag", {"A": UNSET, "B": "2"}, "{A: 1}", override="{environment: !override {B: 2}}"
    ),
    Case(
        "override-reset",
        {"A": UNSET, "B": "1"},
        "{A: 1, B: 1}",
        override="{environment: {A: !reset null}}",
    ),
    Case("override-file-loses", {"A": "env"}, "{A: env}", override="{env_file: [extra.env]}"),
    Case(
        "override-file-later",
        {"A": "extra", "B": "1"},
        env_files=("A=1\nB=1\n",),
        override="{env_file: [{path: extra.env, required: true}, {path: no.env, required: false}]}",
    ),
    # .env
    Case(
        "dotenv-interpolated",
        {"A": "dotenv", "B": "", "C": "d", "D": ""},
        '{A: $V, B: $EMPTY, C: "${EMPTY:-d}", D: "${EMPTY-d}"}',
        within="dotenv",
    ),
    Case("dotenv-not-passed", {"V": UNSET, "ONLY": UNSET}, within="dotenv"),
    Case(
        "dotenv-taken",
        {"V": "dotenv", "EMPTY": "", "ONLY": "in dotenv", "EXPORTED": "yes"},
        "[V, EMPTY, ONLY, EXPORTED]",
        within="dotenv",
    ),
    Case(
        "dotenv-values",
        {
            "QUOTED": "a  b",
            "SINGLE": "$V #x",
            "PRICE": "5$",
            "HASH": "a#b",
            "LINES": "one\ntwo",
            "UNI": "größe 日本 🚢",
            "REF": "dotenv-ref",
        },
        "[QUOTED, SINGLE, PRICE, HASH, LINES, UNI, REF]",
        within="dotenv",
    ),
    Case(
        "dotenv-interpolated-values",
        {"A": "$V #x", "B": "one\ntwo!"},
        '{A: $SINGLE, B: "${LINES}!"}',
        within="dotenv",
    ),
    Case(
        "dotenv-over-file-line",
        {"V": "file", "R": "dotenv"},
        env_files=("V=file\nR=$V\n",),
        within="dotenv",
        corrupted={"R": "file"},
    ),
    Case("dotenv-file-name-alone", {"ONLY": "in dotenv"}, env_files=("ONLY\n",), within="dotenv"),
    Case("dotenv-file-loses-to-taken", {"V": "dotenv"}, "[V]", ("V=file\n",), within="dotenv"),
    # shell
    Case(
        "shell-over-dotenv",
        {"A": "shell", "B": "shell", "W": "dotenv"},
        "{A: $V, B: $REF, W: }",
        within="shell",
    ),
    Case(
        "shell-empty-over-dotenv",
        {"A": "", "B": "d", "EMPTY": "", "C": "soft"},
        '{A: $EMPTY, B: "${EMPTY:-d}", EMPTY: , C: $EMPTY_REF}',
        within="shell",
    ),
    Case("shell-not-passed", {"V": UNSET}, within="shell"),
    Case(
        "shell-odd",
        {"ODD": "a$b \"q\" 'q' #x \\n", "A": "a$b \"q\" 'q' #x \\n!"},
        '{ODD: , A: "${ODD}!"}',
        within="shell",
    ),
    Case(
        "shell-lines",
        {"LINES": "one\ntwo\n", "UNI": "größe 日本 🚢"},
        "[LINES, UNI]",
        within="shell",
    ),
    Case("shell-loses-to-environment", {"V": "env"}, "{V: env}", within="shell"),
    Case("shell-loses-to-file", {"V": "file"}, env_files=("V=file\n",), within="shell"),
    Case(
        "shell-over-file-line",
        {"A": "1", "B": "shell's"},
        env_files=("A=1\nB=$A\n",),
        within="shell",
        corrupted={"B": "1"},
    ),
    # --env-file
    Case(
        "env-files-later-wins",
        {"V": "two", "W": "one", "TWICE": "2"},
        "[V, W, TWICE]",
        within="--env-file",
    ),
    Case(
        "env-files-reference",
        {"X": "one", "Y": "one"},
        "[X, Y]",
        within="--env-file",
        corrupted={"X": "two"},
    ),
    Case("env-files-lose-to-shell", {"S": "shell", "Z": "shell"}, "[S, Z]", within="--env-file"),
    Case("env-files-instead-of-dotenv", {"UNREAD": UNSET}, "[UNREAD]", within="--env-file"),
)

_PRINT = "print(open('/proc/1/environ', 'rb').read().hex())"


@dataclass(frozen=True)
class Outcome:
    """What the three sides say of one surrounding's services."""

    project: str
    predicted: Mapping[str, Mapping[str, tuple[Declared, ...]]]
    configured: Mapping[str, Mapping[str, str | None]]
    received: Mapping[str, Mapping[str, str]]


def _image() -> str:
    named = os.environ.get("PYTHON_IMAGE")
    stand_ins = Path(__file__).parents[2] / ".tranship" / "images.env"
    if named is None and stand_ins.is_file():
        found = dotenv.given_by(dotenv.read(stand_ins, {}), stand_ins)
        named = found["PYTHON_IMAGE"].value if "PYTHON_IMAGE" in found else None
    return named or "python:3.12-slim"


def _written(folder: Path, cases: tuple[Case, ...], around: Surrounding) -> ComposeProject:
    folder.joinpath(".env").write_text(around.dotenv, encoding="utf-8", newline="")
    folder.joinpath("extra.env").write_text("A=extra\n", encoding="utf-8")
    head = ["x-common: &common", f"  image: {_image()}", "  pull_policy: never"]
    head += ["  network_mode: none", f'  command: [python, -c, "{_PRINT}"]', "services:"]
    base, over = head, ["services:"]
    for case in cases:
        base += [f"  {case.name}:", "    <<: *common"]
        if case.environment:
            base.append("    environment: " + case.environment.replace("\n", "\n    "))
        names = [f"{case.name}-{index}.env" for index, _ in enumerate(case.env_files)]
        for name, text in zip(names, case.env_files, strict=True):
            folder.joinpath(name).write_text(text, encoding="utf-8", newline="")
        if names:
            base.append(f"    env_file: [{', '.join(names)}]")
        if case.override:
            over.append(f"  {case.name}: {case.override}")
    files = [folder / "compose.yaml"]
    files[0].write_text("\n".join(base) + "\n", encoding="utf-8")
    if len(over) > 1:
        files.append(folder / "override.yaml")
        files[1].write_text("\n".join(over) + "\n", encoding="utf-8")
    env_files = [folder / f"{index}.env" for index, _ in enumerate(around.env_files)]
    for path, text in zip(env_files, around.env_files, strict=True):
        path.write_text(text, encoding="utf-8")
    return ComposeProject(
        files=tuple(files),
        name=f"precedence-{uuid.uuid4().hex[:8]}",
        env_files=tuple(env_files),
        pass_env=tuple(around.shell),
    )


def _run(project: ComposeProject) -> dict[str, dict[str, str]]:
    client = project.client()
    try:
        client.compose.up(detach=True, quiet=True)
        containers = client.compose.ps(all=True)
        assert [0] * len(containers) == client.container.wait(containers)
        return {
            container.config.labels["com.docker.compose.service"]: _environ(container.logs())
            for container in containers
        }
    finally:
        client.compose.down(volumes=True, timeout=0, quiet=True)


def _environ(printed: str | bytes) -> dict[str, str]:
    text = printed.decode() if isinstance(printed, bytes) else printed
    pairs = bytes.fromhex(text.strip()).decode("utf-8").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    found = {}
    for within, around in SURROUNDINGS.items():
        cases = tuple(case for case in CASES if case.within == within)
        project = _written(tmp_path_factory.mktemp("precedence"), cases, around)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**around.shell, **around.hidden}.items():
                patch.setenv(name, value)
            require_engine(project.client())
            document, confirmed = document_of(project)
            assert confirmed
            stack = parse(document, project.files, confirmed=True)
            found[within] = Outcome(
                project=stack.name,
                predicted=declarations(project, stack),
                configured={name: each.environment for name, each in stack.services.items()},
                received=_run(project),
            )
    return found


def _filled(value: str | None, project: str) -> str | None:
    placeholders = {"=name=": project, "=home=": os.environ.get("HOME", "")}
    return placeholders.get(value, value) if value is not None else None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_prediction_config_and_container_agree(case: Case, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[case.within]
    expected = {key: _filled(value, outcome.project) for key, value in case.expected.items()}
    declared = outcome.predicted[case.name]
    predicted = {key: each[-1].value for key, each in declared.items()}
    configured = outcome.configured[case.name]
    received = outcome.received[case.name]

    assert expected == {key: predicted.get(key) for key in expected}
    assert expected == {key: configured.get(key) for key in expected}
    assert expected == {key: received.get(key) for key in expected}
    # And nothing is declared or configured that the case does not name.
    assert {key for key, value in predicted.items() if value is not None} <= set(expected)
    assert set(configured) <= set(expected)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.corrupted], ids=lambda case: case.name
)
def test_corrupted_values_are_not_what_was_meant(case: Case, outcomes: dict[str, Outcome]) -> None:
    received = outcomes[case.within].received[case.name]
    assert not [name for name, meant in case.corrupted.items() if received.get(name) == meant]


def test_the_table_is_large_enough() -> None:
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)
    assert sum(1 for case in CASES if case.corrupted) >= 10
