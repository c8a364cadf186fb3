"""The documentation against what it documents: commands, settings, errors, examples, links."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tranship
import yaml
from invoke.collection import Collection
from tranship import errors, settings
from tranship.comparison import targets
from tranship.comparison.gates import project_gates
from tranship.comparison.options import OPTIONS
from tranship.comparison.units import threshold
from tranship.envmap import explain as explaining
from tranship.envmap import infer, jsonlines, layers, mapping, resolve, show, templates
from tranship.envmap.checks import RULES
from tranship.envmap.checks.silences import silenced
from tranship.errors import ExitCode, TranshipError
from tranship.migration.checklist.items import items_of
from tranship.stack import dotenv, files, metrics, model
from tranship.stack.declared import collect
from tranship.stack.model import Stack
from tranship.stack.placement import declared_ports
from tranship.trials import probes, record
from tranship.trials.names import mode_of

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
RUNNABLE = {"sh", "console"}


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    before: str
    """The last line of text before it."""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


@cache
def blocks() -> tuple[Block, ...]:
    return tuple(block for page in PAGES for block in _blocks_of(page))


def _blocks_of(page: Path) -> Iterator[Block]:
    lines = page.read_text(encoding="utf-8").splitlines()
    opened: int | None = None
    for number, line in enumerate(lines):
        if not line.lstrip().startswith("```"):
            continue
        if opened is None:
            opened = number
            continue
        before = next((text.strip() for text in reversed(lines[:opened]) if text.strip()), "")
        body = textwrap.dedent("\n".join(lines[opened + 1 : number]) + "\n")
        yield Block(page, opened + 1, lines[opened].strip().removeprefix("```"), body, before)
        opened = None
    assert opened is None, f"{page}:{opened}: a block that is not closed"


def written_in(*languages: str) -> list[Block]:
    return [block for block in blocks() if block.language in languages]


@cache
def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


@cache
def command_lines() -> tuple[tuple[str, list[str]], ...]:
    """Return (where, words) of every command that the pages name, in blocks and in the text."""
    found = []
    for block in written_in(*RUNNABLE):
        for line in block.text.splitlines():
            is_command = block.language == "sh" or line.startswith("$ ")
            if is_command and line.strip():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                found.append((f"{block}: {line}", words))
    for page in PAGES:
        for code in re.findall(r"`([^`\n]+)`", prose(page)):
            if code.split()[0] in {"inv", "nox", "scripts/run"} and len(code.split()) > 1:
                found.append((f"{page.name}: {code}", shlex.split(code)))
    return tuple(
        (where, words[: words.index(">")] if ">" in words else words) for where, words in found
    )


def commands_of(program: str) -> list[tuple[str, list[str]]]:
    found = [(where, words[1:]) for where, words in command_lines() if words[0] == program]
    assert len(found) > 5
    return found


@cache
def tasks() -> dict[str, frozenset[str]]:
    """Return every task of the real collection with its long options."""
    root: Collection = tranship.namespace()
    return {
        name: frozenset(
            f"--{spelled.replace('_', '-')}"
            for argument in root[name].get_arguments()
            for spelled in argument.names
            if len(spelled) > 1
        )
        for name in root.task_names
    }


def section(page: Path, heading: str) -> str:
    """Return what stands below a heading, up to the next one of its level or above."""
    text = page.read_text(encoding="utf-8")
    level = len(heading.split()[0])
    match = re.search(
        rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{level}}} |\Z)", text, flags=re.M | re.S
    )
    assert match, f"{page.name} has no heading {heading!r}"
    return match[1]


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of the Markdown tables in `text`, without head and rule."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line[1:-1])] for line in lines]
    rules = {i for i, row in enumerate(rows) if all(re.fullmatch(r":?-+:?", c) for c in row)}
    return [row for i, row in enumerate(rows) if i not in rules and i + 1 not in rules]


# --- commands


def test_every_inv_command_exists_with_its_options() -> None:
    for where, words in commands_of("inv"):
        if words[0] in {"--list", "--help"}:
            assert all(word in tasks() for word in words[1:]), where
            continue
        name, *rest = words
        if name.endswith(".*"):
            assert any(task.startswith(name[:-1]) for task in tasks()), where
            continue
        assert name in tasks(), where
        options = {word.split("=")[0] for word in rest if word.startswith("--")}
        assert options <= tasks()[name], where


def test_commands_documents_each_task_and_each_of_its_options() -> None:
    page = DOCS / "commands.md"
    headings = re.findall(r"^### (\w+\.\w+)$", page.read_text(encoding="utf-8"), flags=re.M)

    assert sorted(tasks()) == sorted(headings)
    for name, options in tasks().items():
        rows = table_rows(section(page, f"### {name}"))
        assert options == {row[0].strip("`") for row in rows}, name


def test_commands_states_the_options_defaults() -> None:
    root: Collection = tranship.namespace()
    for name in tasks():
        defaults = {
            f"--{argument.name.replace('_', '-')}": argument.default
            for argument in root[name].get_arguments()
            if not argument.positional
        }
        for option, stated, _ in table_rows(section(DOCS / "commands.md", f"### {name}")):
            value = defaults.get(option.strip("`"))
            if value is False:
                assert stated == "off", (name, option)
            elif value:
                assert stated.strip("`") == str(value), (name, option)


def test_every_nox_session_and_its_options_exist() -> None:
    sessions = importlib.import_module("tranship.sessions")
    own = set(re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), flags=re.M))
    known = {"local", "docker", "compare"} | own
    for where, words in commands_of("nox"):
        if words == ["--list"]:
            continue
        assert words[0] == "-s", where
        assert words[1] in known, where
        rest = words[words.index("--") + 1 :] if "--" in words else []
        if words[1] == "compare" and rest not in (["--help"], ["--modes", "..."]):
            ours = {
                *("--from-records", "--enforce", "--strict", "--warm", "--fresh"),
                *("--modes", "--repeat", "--baseline", "--prometheus"),
            } & set(rest)
            options, passed_on = sessions._parsed(rest)
            assert not ours & set(passed_on), where
            for mode in options.modes:
                assert mode_of(mode) in (
                    *show.MODES,
                    show.PRODUCTION,
                    show.SWARM,
                ) or mode.startswith("hybrid:"), where


def test_the_options_of_compare_are_those_of_its_help() -> None:
    real = set(re.findall(r"^(--[\w-]+)", OPTIONS, flags=re.M))
    rows = table_rows(section(DOCS / "commands.md", "### compare"))

    assert real | {"--help"} == {row[0].strip("`") for row in rows}


def test_every_command_of_scripts_run_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    cli = importlib.import_module("bootstrap.cli")
    for where, words in commands_of("scripts/run"):
        try:
            cli.parse(words)
        except SystemExit:
            pytest.fail(f"{where}: scripts/run refuses it")


def test_the_list_in_the_readme_is_the_real_one() -> None:
    block = next(b for b in written_in("console") if b.text.startswith("$ inv --list"))
    ran = subprocess.run(
        [sys.executable, "-m", "invoke", "--list"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.strip() == block.text.removeprefix("$ inv --list\n").strip()


# --- settings


def keys_of(section_class: Any) -> dict[str, Any]:
    """Return the TOML keys of a settings class with their defaults."""
    return {
        item.name.replace("_", "-"): item.default
        if item.default_factory is dataclasses.MISSING
        else item.default_factory()
        for item in dataclasses.fields(section_class)
        if item.name not in {"root", "suite", "local"} and item.name not in TABLES_OF_THEIR_OWN
    }


TABLES_OF_THEIR_OWN = {
    "silence",
    "gates",
    "checklist",
    "migrate",
    "triggers",
    "ci",
    "kubernetes",
    "swarm",
    "autoscale",
    "monitoring",
    "harden",
}
TABLES = {
    "[tool.tranship]": settings.Settings,
    "[tool.tranship.suite]": settings.SuiteSettings,
    "[tool.tranship.local]": settings.LocalSettings,
    "[tool.tranship.migrate]": settings.MigrateSettings,
    "[tool.tranship.migrate.triggers]": settings.TriggerSettings,
    "[tool.tranship.gates.NAME]": settings.QueryGateSettings,
    "[tool.tranship.ci]": settings.CiSettings,
    "[tool.tranship.kubernetes]": settings.KubernetesSettings,
    "[tool.tranship.kubernetes.autoscale.SERVICE]": settings.AutoscaleSettings,
    "[tool.tranship.swarm]": settings.SwarmSettings,
    "[tool.tranship.autoscale.SERVICE]": settings.ScalingSettings,
    "[tool.tranship.monitoring]": settings.MonitoringSettings,
    "[tool.tranship.harden]": settings.HardenSettings,
    "[[tool.tranship.silence]]": settings.SilenceSettings,
    "[[tool.tranship.checklist]]": settings.ChecklistSettings,
}


@pytest.mark.parametrize("table", TABLES)
def test_each_settings_key_is_documented_and_no_other(table: str) -> None:
    text = section(DOCS / "settings.md", f"## {table}")

    assert sorted(keys_of(TABLES[table])) == sorted(re.findall(r"^### (.+)$", text, flags=re.M))


@pytest.mark.parametrize("table", TABLES)
def test_each_settings_default_is_stated(table: str) -> None:
    text = section(DOCS / "settings.md", f"## {table}")
    for key, default in keys_of(TABLES[table]).items():
        # Two tables have keys of one name.
        match = re.search(rf"^### {key}$(.*?)(?=^### |\Z)", text, flags=re.M | re.S)
        assert match, key
        stated = match[1].replace("\n", " ")
        match default:
            case dataclasses.MISSING:
                expected = "Required."
            case float():
                expected = f"Default: {default:g}."
            case Path() | str() | tuple() if default and key != "compose-files":
                shown = json.dumps(default) if not isinstance(default, Path) else str(default)
                expected = f"Default: `{shown}`."
            case _:
                expected = "Default: "
        assert expected in stated, key


def test_each_x_tranship_key_is_documented_and_no_other() -> None:
    known = {
        *model._FIELDS,
        *(f"local.{key}" for key in model._LOCAL_FIELDS),
        *(f"health.{key}" for key in (*model._HEALTH_KINDS, "port")),
        *(f"metrics.{key}" for key in metrics.FIELDS),
    }
    rows = table_rows(section(DOCS / "settings.md", "## x-tranship"))

    assert known == {row[0].strip("`") for row in rows}


def is_mapping(block: Block) -> bool:
    return "tool" not in tomllib.loads(block.text)


@pytest.mark.parametrize("block", [b for b in written_in("toml") if not is_mapping(b)], ids=str)
def test_each_settings_example_loads(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(block.text)

    loaded = settings.load(tmp_path)

    table = tomllib.loads(block.text)["tool"]["tranship"]
    silenced([], loaded.silence, path)  # raises for an unknown rule
    items_of(loaded)  # raises for an item that cannot be proved
    if "suite" in table:
        assert loaded.suite.service == table["suite"]["service"] == "tests"
        assert loaded.local.requirements
    else:
        scaled = loaded.kubernetes.autoscale or loaded.autoscale
        declared = project_gates(loaded).declared or scaled
        own = (loaded.swarm, loaded.monitoring) != (
            settings.SwarmSettings(),
            settings.MonitoringSettings(),
        )
        assert loaded.silence or loaded.checklist or declared or own


def test_the_settings_example_has_every_key() -> None:
    block = next(b for b in written_in("toml") if b.page.name == "settings.md")
    used = tomllib.loads(block.text)["tool"]["tranship"]

    for table, section_class in TABLES.items():
        found = used
        for name in table.strip("[]").split(".")[2:]:
            # The first of the tables; beside those of the gates stand values.
            tables = (it for it in found.values() if isinstance(it, dict))
            found = next(tables) if name in {"SERVICE", "NAME"} else found[name]
        given = set().union(*found) if isinstance(found, list) else set(found)
        missing = set(keys_of(section_class)) - given
        assert missing - {"reason"} == set(), table


def stack_of(block: Block, folder: Path) -> Stack:
    path = folder / "compose.yaml"
    path.write_text(block.text)
    return model.parse(files.compose_document((path,), {}), [path], confirmed=False)


@pytest.mark.parametrize("block", written_in("yaml"), ids=str)
def test_each_compose_example_is_a_stack(block: Block, tmp_path: Path) -> None:
    stack = stack_of(block, tmp_path)

    for service in stack.services.values():
        declared = yaml.safe_load(block.text)["services"][service.name]
        assert (service.health is not None) == ("health" in declared.get("x-tranship", {}))


def test_the_examples_use_every_key_of_x_tranship() -> None:
    used = set()
    for block in written_in("yaml"):
        for body in yaml.safe_load(block.text)["services"].values():
            extension = body.get("x-tranship", {})
            used |= set(extension)
            for name in ("local", "health", "metrics"):
                used |= {f"{name}.{key}" for key in extension.get(name, {})}
    rows = table_rows(section(DOCS / "settings.md", "## x-tranship"))

    assert {row[0].strip("`") for row in rows} - used == {"health.tcp"}


# --- the guide


def project_of(page: Path, folder: Path) -> dict[str, Block]:
    """Write the files that a page gives by name, each once; return them."""
    written: dict[str, Block] = {}
    for block in blocks():
        name = re.match(r"`([\w./-]+)`.*:$", block.before)
        if block.page == page and name and name[1] not in written:
            written[name[1]] = block
            path = folder / name[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text)
    return written


def test_the_guide_is_a_whole_project(tmp_path: Path) -> None:
    written = project_of(DOCS / "guide.md", tmp_path)

    loaded = settings.load(tmp_path)
    stack = stack_of(written["compose.yaml"], tmp_path)

    assert loaded.compose_files == (tmp_path / "compose.yaml",)
    assert loaded.suite.service in stack.services
    assert all((tmp_path / path).exists() for path in loaded.suite.paths)
    assert all((tmp_path / name).is_file() for name in loaded.local.requirements)
    assert {"noxfile.py", "tasks.py", "Dockerfile", "api.py"} <= set(written)
    assert {"envs/base.json", "envs/development.json", "envs/test.json"} <= set(written)
    local = [service.name for service in stack.selected() if service.local is None]
    assert local == []


@pytest.mark.parametrize("name", ["tasks.py", "noxfile.py"])
def test_the_readme_and_the_guide_agree_on_the_two_files(name: str) -> None:
    readme, guide = (
        {line.split("  #")[0] for line in block.text.splitlines()}
        for block in written_in("python")
        if block.before.startswith(f"`{name}`")
    )

    assert any("tranship" in line for line in readme)
    # The guide's noxfile also says what a bare `nox` does.
    assert readme <= guide


# --- errors and exit codes


def error_classes() -> list[type[TranshipError]]:
    return [
        item
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, TranshipError) and item is not TranshipError
    ]


def test_each_error_class_is_documented_with_its_exit_code() -> None:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    head = text.split("\n## ")[0]
    documented = {row[1].strip("`"): int(row[2]) for row in table_rows(head)}

    assert {item.__name__: int(item.exit_code) for item in error_classes()} == documented


def test_each_family_of_errors_has_its_section() -> None:
    page = DOCS / "errors.md"
    head = page.read_text(encoding="utf-8").split("\n## ")[0]
    for family, name, code in table_rows(head):
        title = re.match(r"\[(.+)\]", family)
        assert title
        assert f"{name}, exit {code}." in section(page, f"## {title[1]}")


def test_messages_that_are_quoted_are_what_is_said(tmp_path: Path) -> None:
    said = [str(errors.UnknownServiceError("apii", ["api", "redis", "tests"]))]
    pyproject = tmp_path / "pyproject.toml"
    for text in (
        '[tool.tranship]\ncompose-file = ["compose.yaml"]\n',
        "[tool.tranship.suite]\nservice = 3\n",
    ):
        pyproject.write_text(text)
        with pytest.raises(errors.SettingsError) as caught:
            settings.load(tmp_path)
        said.append(str(caught.value))
    for text in (
        "[tool.tranship]\nstart-timeout = 0\n",
        '[[tool.tranship.silence]]\nrule = "TE001"\nreason = ""\n',
    ):
        pyproject.write_text(text)
        with pytest.raises(errors.SettingsError) as caught:
            silenced([], settings.load(tmp_path).silence, pyproject)
        said.append(str(caught.value))
    compose = tmp_path / "compose.yaml"
    for service in (
        "api: {x-tranship: {helth: {http: /health}}}",
        "api: {expose: [8000], x-tranship: {health: {http: health}}}",
        "redis: {x-tranship: {local: {server: reddis}}}",
    ):
        compose.write_text(f"services:\n  {service}\n")
        with pytest.raises(errors.ComposeFileError) as refused:
            model.parse(files.compose_document((compose,), {}), [compose], confirmed=False)
        said.append(str(refused.value))

    quoted = (DOCS / "errors.md").read_text(encoding="utf-8")
    for message in said:
        assert message.replace(str(tmp_path), "<project>") in quoted


def test_the_readme_has_every_exit_code() -> None:
    rows = table_rows(section(README, "## Exit codes"))

    assert sorted(int(code) for code in ExitCode) == sorted(int(row[0]) for row in rows)


WRONG_LAYERS = (b"[1]", b'{"a": 1,\n "a": 2}', b'{"a": 1,\n b: 2}', b'{"a": "\xff"}')
WRONG_MAPPINGS = (
    '[servces.api]\nA = "1"',
    '[services.apii]\nA = "1"',
    '[names]\ncache = "reddis"',
    '[services.api]\nA = "{redis"',
    '[services.api]\nA = "{redis|base64}"',
    '[services.api]\nA = ["1"]',
    '[services.api]\nA = "1"\n[services."api, redis"]\nA = "2"',
    '[infer]\nexclude = ["rule:urls"]',
    '[services.api]\nA = "{B}"\nB = "{A}"',
    '[services.api]\nA = "{databse.name}"',
    '[services.api]\nA = "{database}"',
    '[services.api]\nA = "{job}"',
)


def test_messages_about_layers_and_mapping_are_what_is_said(tmp_path: Path) -> None:
    services = {
        "api": {"ports": [{"target": 8000}]},
        "redis": {"ports": [{"target": 6379}]},
        "job": {},
    }
    stack = model.parse(
        {"name": "shop", "services": services}, [tmp_path / "compose.yaml"], confirmed=True
    )
    folder = tmp_path / "envs"
    folder.mkdir()
    (folder / "base.json").write_text('{"database": {"name": "shop"}}')
    said = []
    for layer in WRONG_LAYERS:
        (folder / "development.json").write_bytes(layer)
        with pytest.raises(errors.SettingsError) as caught:
            layers.load(folder, "development", "docker")
        said.append(str(caught.value))
    for name in ("development", "production", "test"):
        (folder / f"{name}.json").write_text("{}")
    with pytest.raises(errors.SettingsError) as caught:
        layers.load(folder, "prod", "docker")
    said.append(str(caught.value))
    for text in WRONG_MAPPINGS:
        (folder / "mapping.toml").write_text(text)
        with pytest.raises(errors.SettingsError) as caught:
            show.rows(resolve.load(stack, tmp_path, folder, "development"), ("docker",))
        said.append(str(caught.value))

    quoted = (DOCS / "errors.md").read_text(encoding="utf-8")
    for message in said:
        assert message.replace(str(tmp_path), "<project>") in quoted


# --- mapping, checks, hybrid


def table_of(envmap: resolve.EnvMap, suite: str | None = None, service: str = "") -> list[str]:
    """Return the lines that `inv env.map` prints."""
    found = show.rows(envmap, services=[service] if service else (), suite=suite)
    return tabulated([show.shown(row) for row in found], show.headers(show.MODES))


def tabulated(rows: list[list[str]], headers: list[str]) -> list[str]:
    console = importlib.import_module("tranship.console")
    return [line.rstrip() for line in console.table(rows, headers).splitlines()]


def outputs(block: Block) -> list[tuple[str, list[str]]]:
    """Return the (command, lines) of a console block."""
    parts = re.split(r"^\$ (.+)$", block.text, flags=re.M)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [
        (command, [line.rstrip() for line in text.strip("\n").splitlines()])
        for command, text in pairs
    ]


def output_of(page: Path, command: str, number: int = 0) -> list[str]:
    found = [
        lines
        for block in written_in("console")
        if block.page == page
        for shown, lines in outputs(block)
        if shown == command
    ]
    return found[number]


def test_the_project_of_the_mapping_page_gives_the_table_that_is_shown(tmp_path: Path) -> None:
    page = DOCS / "mapping.md"
    written = project_of(page, tmp_path)
    stack = stack_of(written["compose.yaml"], tmp_path)
    assert written["envs/mapping.toml"].language == "toml"

    envmap = resolve.load(stack, tmp_path, tmp_path / "envs", "development")
    bare = resolve.load(stack, tmp_path, tmp_path / "none", "development")

    assert table_of(envmap, service="api") == output_of(page, "inv env.map --service api")
    assert table_of(bare, service="api") == output_of(page, "inv env.map --service api", 1)
    assert {row.rule for row in show.rows(bare, services=["api"])} - {"as declared"} == set(
        infer.RULES
    )


def test_the_explanation_on_the_mapping_page_is_the_real_one(tmp_path: Path) -> None:
    page = DOCS / "mapping.md"
    stack = stack_of(project_of(page, tmp_path)["compose.yaml"], tmp_path)
    bare = resolve.load(stack, tmp_path, tmp_path / "none", "development")
    modes = {name: show.placement_of(name, stack) for name in show.MODES}
    declared = collect((tmp_path / "compose.yaml",), {}, tmp_path)

    found = explaining.explain(bare, declared, "api", "DB_PORT", modes, declared_ports(stack))

    assert explaining.lines([found]) == output_of(page, "inv env.explain DB_PORT")


def test_the_mapping_of_the_guide_gives_the_table_that_is_shown(tmp_path: Path) -> None:
    page = DOCS / "guide.md"
    written = project_of(page, tmp_path)
    text = written["compose.yaml"].text
    # What the guide says to take out.
    text = re.sub(r"^    environment:\n(      .+\n)+", "", text, flags=re.M)
    text = re.sub(r"^        environment: .+\n", "", text, flags=re.M)
    stack = stack_of(dataclasses.replace(written["compose.yaml"], text=text), tmp_path)

    envmap = resolve.load(stack, tmp_path, tmp_path / "envs", "development")

    assert table_of(envmap, suite="tests") == output_of(page, "inv env.map")
    for name in ("development", "test"):
        assert resolve.load(stack, tmp_path, tmp_path / "envs", name).layers


EXAMPLE_STACK = [
    (f"{page.name}: {command}", command, lines)
    for page in (README, DOCS / "mapping.md", DOCS / "hybrid.md")
    for block in written_in("console")
    if block.page == page
    for command, lines in outputs(block)
    if re.match(r"inv env\.(map|explain|diff) .*(-service|hybrid:|test|docker)", command)
    and command != "inv env.map --service api"
]


@pytest.mark.parametrize(
    ("command", "lines"),
    [item[1:] for item in EXAMPLE_STACK],
    ids=[item[0] for item in EXAMPLE_STACK],
)
def test_what_is_shown_of_the_example_stack_is_what_is_printed(
    command: str, lines: list[str]
) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "invoke", *shlex.split(command)[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    printed = [line.rstrip() for line in ran.stdout.splitlines()]

    assert len(lines) > 3
    # A long table may end in "...".
    assert lines[:-1] == printed[: len(lines) - 1]
    assert lines[-1] in {"...", printed[-1]}


@pytest.mark.parametrize("block", [b for b in written_in("toml") if is_mapping(b)], ids=str)
def test_each_mapping_example_has_known_sections_and_templates(
    block: Block, tmp_path: Path
) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(block.text)
    document = tomllib.loads(block.text)

    assert set(document) <= set(mapping._SECTIONS)
    mapping.interpolation_of(path)
    for table in document.get("services", {}).values():
        for template in table.values():
            assert templates.parse(template).parts


def test_each_template_form_parses_and_the_filters_are_the_real_ones() -> None:
    rows = table_rows(section(DOCS / "mapping.md", "## Templates"))
    forms = [row[0].strip("`").replace("\\|", "|") for row in rows]
    parsed = [templates.parse(form * (2 if form in "{}" else 1)) for form in forms]

    found = {part.filter for template in parsed for part in template.placeholders}
    assert found == {None, *templates.FILTERS}
    literal = {form for form, template in zip(forms, parsed, strict=True) if not template.sole}
    assert literal == {"{{", "}}"}


def test_the_rules_of_inference_are_the_real_ones() -> None:
    rows = table_rows(section(DOCS / "mapping.md", "## Inference"))

    assert [row[0].strip("`") for row in rows] == list(infer.RULES)


def test_the_sections_of_the_mapping_are_the_real_ones() -> None:
    text = section(DOCS / "mapping.md", "## The written mapping")

    assert sorted(re.findall(r"^### (.+)$", text, flags=re.M)) == sorted(mapping._SECTIONS)


def test_what_compose_makes_of_an_env_file_is_what_we_read() -> None:
    rows = table_rows(section(DOCS / "mapping.md", "## Precedence: what Compose does"))
    assert len(rows) > 5
    for line, got in rows:
        (entry,) = dotenv.parse(f"{line.strip('`')}\n", {}, Path("app.env"))
        shown = "".join("\t" if part == "a tab" else part.strip("`") for part in got.split(", "))
        assert entry.value == shown, line


def test_each_rule_of_env_check_is_documented_and_no_other() -> None:
    page = DOCS / "env-check.md"
    text = section(page, "## Rules")
    headings = re.findall(r"^### (\w+) ([\w-]+)$", text, flags=re.M)

    assert headings == [(rule.id, rule.name) for rule in RULES.values()]
    listed = [row[1:] for row in table_rows(text.split("\n### ")[0])]
    assert listed == [
        [f"`{rule.name}`", rule.severity, rule.summary.rstrip(".")] for rule in RULES.values()
    ]
    for rule in RULES.values():
        entry = section(page, f"### {rule.id} {rule.name}")
        assert entry.strip().startswith(f"Severity: {rule.severity}. {rule.summary}")
        for word in ("**Finds**", "**Why it", "**Example**", "**Mend**"):
            assert word in entry, (rule.id, word)


def test_the_formats_of_env_check_are_the_real_ones() -> None:
    report = importlib.import_module("tranship.envmap.checks.report")
    rows = table_rows(section(DOCS / "env-check.md", "## Formats"))

    assert [row[0].strip("`") for row in rows] == list(report.FORMATS)


def test_the_json_of_env_check_has_the_real_keys(tmp_path: Path) -> None:
    report = importlib.import_module("tranship.envmap.checks.report")
    block = next(b for b in written_in("json") if b.page.name == "env-check.md")
    shown = json.loads(block.text)
    finding = RULES["TE001"].finding("m", "n", service="api", variable="A")

    real = json.loads(report.render([finding], "json", tmp_path))

    assert list(real) == list(shown)
    assert real["version"] == shown["version"]
    assert list(real["summary"]) == list(shown["summary"])
    assert [list(item) for item in shown["findings"]] == [list(real["findings"][0])] * 2


# --- records and targets


def test_the_record_example_is_a_record(tmp_path: Path) -> None:
    block = next(b for b in written_in("json") if b.page.name == "records.md")
    path = tmp_path / "record.json"
    path.write_text(block.text)

    trial = record.read(path)

    assert trial.suite is not None
    assert len(trial.suite.tests) == 1


@pytest.mark.parametrize(
    ("class_", "columns"),
    [(record.Trial, 0), (record.SuiteRun, 1), (record.ServiceFigures, 2)],
    ids=["trial", "suite", "service"],
)
def test_each_field_of_a_record_is_documented(class_: Any, columns: int) -> None:
    tables = re.split(r"\n(?=`suite`:|Each of `services`:)", prose(DOCS / "records.md"))
    assert len(tables) == 3
    names = {
        name for row in table_rows(tables[columns]) for name in re.findall(r"`([\w]+)`", row[0])
    }

    assert {item.name for item in dataclasses.fields(class_)} == names


def test_the_targets_are_the_real_ones() -> None:
    rows = table_rows(section(DOCS / "comparing.md", "## Targets"))
    units: dict[str, targets.Unit] = {"health p95": "seconds", "health rate": "share"}
    real = [
        [target.figure, threshold(target, units.get(target.figure, "count"))]
        for target in targets.TARGETS
    ]

    assert real == [row[:2] for row in rows]


def test_figures_in_the_text_are_those_of_the_code() -> None:
    comparing = prose(DOCS / "comparing.md").replace("\n", " ")
    records = prose(DOCS / "records.md").replace("\n", " ")

    assert f"{probes.HEALTH_SAMPLES} probes from the host" in comparing
    assert f"fewer than {targets.MINIMUM_SAMPLES} health samples" in comparing
    assert f"The newest {record.KEPT_PER_MODE} of each mode are kept" in records
    assert f"now {record.VERSION} |" in records


# --- form


@pytest.mark.parametrize("block", written_in("python"), ids=str)
def test_python_examples_compile(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("block", written_in("json"), ids=str)
def test_json_examples_parse(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(block.text)

    document, _ = jsonlines.read_object(path)

    assert document == json.loads(block.text)


def test_each_block_says_its_language() -> None:
    known = {"sh", "console", "text", "python", "toml", "yaml", "json", "dockerfile"}

    assert [str(b) for b in blocks() if b.language not in known] == []


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    for title in re.findall(r"^#+ (.+)$", prose(page), flags=re.M):
        plain = re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).replace(" ", "-")
        count = sum(1 for anchor in found if re.fullmatch(rf"{re.escape(plain)}(-\d+)?", anchor))
        found.add(f"{plain}-{count}" if count else plain)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_resolves(page: Path) -> None:
    links = re.findall(r"(?<!\\)\]\(([^)\s]+)\)", prose(page))
    for link in links:
        assert "://" not in link, f"{page.name}: {link}: the docs stand on their own"
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def test_the_readme_links_every_page() -> None:
    linked = re.findall(r"\]\(docs/([\w-]+\.md)\)", README.read_text(encoding="utf-8"))

    assert {page.name for page in DOCS.glob("*.md")} == set(linked)


FOREIGN = {
    "an absolute path of one machine": r"(?<![\w.])/(root|home|work|opt|Users)\b",
    "a registry's host": r"(?<![\w.-])(?!docs\.docker\.com)[\w-]+(\.[\w-]+)*\.(com|io|org|net)\b"
    r"(?!\.\w)",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("what", FOREIGN)
def test_nothing_of_one_machine_is_in_the_docs(page: Path, what: str) -> None:
    text = page.read_text(encoding="utf-8")

    assert [match[0] for match in re.finditer(FOREIGN[what], text)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_text_is_plain(page: Path) -> None:
    """No emojis, no tabs, no spaces at line ends, one title."""
    text = page.read_text(encoding="utf-8")

    assert [char for char in text if ord(char) > 0xFFFF] == []
    assert re.findall(r"[ \t]+$|\t", text, flags=re.M) == []
    assert len(re.findall(r"^# ", prose(page), flags=re.M)) == 1
