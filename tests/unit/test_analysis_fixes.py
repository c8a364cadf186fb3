"""Mends: what is inserted where, what stays as it is, and what is not written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from analyzedproject import Analyzed, changed_lines
from tranship.errors import UsageError
from tranship.migration.analysis import fixes
from tranship.migration.analysis.insertion import key_in_services
from tranship.migration.analysis.model import Edit, Finding, Fix
from tranship.migration.analysis.written import Written
from tranship.stack.textfile import replace_file


@pytest.fixture
def project(tmp_path: Path, no_docker: None) -> Analyzed:
    return Analyzed(tmp_path / "project")


LOGGING = 'logging: {driver: json-file, options: {max-size: 10m, max-file: "3"}}'


def test_a_key_goes_below_the_first_line_of_a_service(project: Analyzed) -> None:
    project.change("    logging: {driver: local}\n", "")

    assert [f"+    {LOGGING}"] == list(changed_lines(project.diff()))
    assert ["TM008"] == project.mend("TM008")
    assert f"  api:\n    build: .\n    {LOGGING}\n    command:" in project.read()
    assert [] == project.found()


def test_comments_blank_lines_and_line_ends_stay(project: Analyzed) -> None:
    project.change("    restart: unless-stopped\n    logging: {driver: local}\n", "    # log\n\n")
    project.change("    build: .\n", "    build: .   # here\n")
    text = project.read().replace("\n", "\r\n")
    project.write("compose.yaml", "\ufeff" + text)

    project.mend("TM008", "TM009")

    mended = project.read()
    head = "\ufeffname: shop\r\nservices:\r\n  api:\r\n    build: .   # here\r\n"
    assert mended.startswith(
        f"{head}    {LOGGING}\r\n    restart: unless-stopped\r\n    command: [python, -m, api]\r\n"
        "    # log\r\n\r\n    mem_limit: 256m\r\n"
    )
    assert "\n" not in mended.replace("\r\n", "")


FLOW = "services: {a: {image: x:1, mem_limit: 1m, cpus: 1, logging: {driver: local}}}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("local}}}", "local}, restart: unless-stopped}}"),
        ("local},  }}", "local}, restart: unless-stopped  }}"),
        ("local},\n }}", "local}, restart: unless-stopped\n }}"),
    ],
)
def test_a_flow_mapping_is_added_to_inside_its_braces(
    project: Analyzed, before: str, after: str
) -> None:
    project.write("compose.yaml", FLOW.replace("local}}}", before))

    assert ["TM009"] == project.mend("TM009")

    assert FLOW.replace("local}}}", after) == project.read()


def test_where_a_comment_may_swallow_the_key_there_is_no_mend(project: Analyzed) -> None:
    project.write("compose.yaml", FLOW.replace("local}}}", "local}  # bounded\n }}"))

    assert project.only().fix is None


SHARED = """\
x-all: &all
  mem_limit: 1m
  cpus: 1
  logging: {driver: local}
services:
  a: {<<: *all, image: x:1}
  b:
    <<: *all
    image: x:1
  c:
    <<: *all
    image: x:1
    %s
"""


def test_what_services_share_gets_it_once(project: Analyzed) -> None:
    project.write("compose.yaml", SHARED % "command: sleep")

    project.mend("TM009")

    added = "mem_limit: 1m\n  restart: unless-stopped\n"
    assert (SHARED % "command: sleep").replace("mem_limit: 1m\n", added) == project.read()


def test_what_others_share_is_left_alone(project: Analyzed) -> None:
    project.write("compose.yaml", SHARED % 'restart: "no"')

    project.mend("TM009")

    text = project.read()
    assert "image: x:1, restart: unless-stopped}" in text
    assert "  b:\n    <<: *all\n    restart: unless-stopped\n" in text
    assert 2 == text.count("unless-stopped")


def test_a_store_gets_a_volume_and_its_declaration(project: Analyzed) -> None:
    project.change('    volumes: ["data:/var/lib/postgresql/data"]\n', "")
    project.change("volumes:\n  data:\n", "")

    assert "TM012" in project.mend("TM012")

    assert '  db:\n    image: postgres:17\n    volumes: ["db-data:/var/lib/postgresql/data"]' in (
        project.read()
    )
    assert project.read().endswith("\nvolumes:\n  db-data:\n")
    assert [] == project.found()


def test_a_port_is_put_on_loopback_with_its_quotes(project: Analyzed) -> None:
    project.change('["127.0.0.1:5432:5432"]', "['5432:5432', 5433:5433, \"6000\"]")

    project.mend("TM006")

    assert '[\'127.0.0.1:5432:5432\', "127.0.0.1:5433:5433", "6000"]' in project.read()


def test_a_check_that_is_too_often_is_slowed_where_it_is_written(project: Analyzed) -> None:
    project.change("interval: 30s}", "interval: 1s}  # often")

    project.mend("TM014")

    assert (
        "healthcheck: {test: [CMD, python, -c, probe], interval: 30s, start_period: 60s, "
        "start_interval: 100ms}  # often"
    ) in project.read()
    assert [] == project.found()


def test_a_fixed_name_is_taken_out(project: Analyzed) -> None:
    project.change("    build: .\n", "    build: .\n    container_name: x # y\n")
    before = project.read()

    project.mend("TM007")

    assert before.replace("    container_name: x # y\n", "") == project.read()


def test_a_python_service_gets_a_check_that_asks_it(project: Analyzed) -> None:
    project.change("    healthcheck: {test: [CMD, python, -c, probe], interval: 30s}\n", "")

    project.mend("TM001")

    assert "open('http://127.0.0.1:8000/health', timeout=4)" in project.read()
    assert [] == project.found()


def test_dockerignore_is_made_or_added_to(project: Analyzed) -> None:
    (project.root / ".git").mkdir()
    (project.root / ".env").write_text("X=1")
    assert "--- /dev/null\n+++ b/.dockerignore" in project.diff()

    project.write(".dockerignore", "*.md\n.env")
    assert ["-.env", "+.env", "+.git"] == [
        line for line in changed_lines(project.diff()) if line[1:] in {".env", ".git"}
    ]
    project.mend("TM017")
    assert "*.md\n.env\n.git\n" == project.read(".dockerignore")


def test_nothing_is_written_that_was_not_confirmed(project: Analyzed) -> None:
    project.change("    logging: {driver: local}\n", "")
    before = project.read()

    assert [] == project.mend()

    assert before == project.read()
    assert {"pyproject.toml", "compose.yaml", "Dockerfile"} == {
        path.name for path in project.root.iterdir()
    }


def finding(*edits: Edit) -> Finding:
    return Finding("TM009", "x", "warning", "resources", "m", "n", fix=Fix(edits))


def test_a_mend_that_breaks_the_stack_is_not_written(project: Analyzed) -> None:
    path = project.root / "compose.yaml"
    change = fixes.change_of(finding(Edit(path, 0, 0, "services: [\n")))
    assert change is not None
    before = project.read()

    with pytest.raises(UsageError, match="would not resolve with this mend, so nothing was"):
        fixes.write(project.settings, change)

    assert before == project.read()
    assert 3 == len(list(project.root.iterdir()))


def test_a_file_that_changed_meanwhile_is_left_alone(project: Analyzed) -> None:
    path = project.root / "compose.yaml"
    change = fixes.change_of(finding(Edit(path, 0, 0, "# x\n")))
    assert change is not None
    project.change("name: shop", "name: shop2")

    with pytest.raises(UsageError, match="has changed meanwhile"):
        fixes.write(project.settings, change)

    assert project.read().startswith("name: shop2")


def test_mode_and_link_of_a_file_stay(project: Analyzed) -> None:
    real = project.write("real/compose.yaml", project.read())
    real.chmod(0o640)
    (project.root / "compose.yaml").unlink()
    (project.root / "compose.yaml").symlink_to(real)

    replace_file(project.root / "compose.yaml", "x: 1\n")

    assert (project.root / "compose.yaml").is_symlink()
    assert "x: 1\n" == real.read_text()
    assert 0o640 == real.stat().st_mode & 0o777


def test_yes_names_rules_that_are_there() -> None:
    found = [finding(), Finding("TM012", "x", "error", "resources", "m", "n", fix=Fix(()))]

    assert {"TM009"} == fixes.chosen("all", found)
    assert {"TM009", "TM012"} == fixes.chosen("tm012, TM009", found)
    with pytest.raises(UsageError, match=r"No finding of 'TM099' .*did you mean 'TM009'"):
        fixes.chosen("TM099", found)


def test_edits_at_one_place_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("ab")

    change = fixes.change_of(
        finding(Edit(path, 1, 1, "1"), Edit(path, 1, 1, "2"), Edit(path, 0, 1, "A"))
    )

    assert change is not None
    assert {path: "A12b"} == change.after


LAYOUTS = [
    "services:\n  a:\n    image: x",
    "services:\n  a:\n    image: x   \n  # of b\n  b:\n      image: y\n",
    "services:\n  a:\n    environment:\n      X: 1\n    command: >\n      one\n      two\n",
    "services:\n  a:\n    command: |\n      one\n\n      two\n    image: 'x\n      y'\n",
    "services:\n\n  a: # first\n\n    # what\n    image: x # why\n\n    ports:\n    - 1:1\n",
    "services: {a: {}, b: {image: x}}\n",
    "services:\n  a: {\n    image: x,\n    command: [a,\n      b]\n  }\n",
    "x-s: &s {image: x}\nservices:\n  a: {<<: *s}\n  b:\n    <<: *s\n",
    "x-s: &s\n  image: x\nx-t: &t\n  tty: true\nservices:\n  a:\n    <<: [*s, *t]\n  b: *s\n",
    'services:\n  "a":\n    "image": "x: {y}"\n',
    "services:\n  a:\n    image: größe # ü\n    labels: {n: 'ß'}\n",
]
NO_PLACE = [
    "services:\n  a:\n",
    "services:\n  a: [x]\n",
    "services: {}\n",
    "services:\n  a:\n    ? image\n    : x\n",
]


@pytest.mark.parametrize("text", LAYOUTS)
def test_a_key_is_added_and_all_else_means_the_same(tmp_path: Path, text: str) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(text)
    before = yaml.safe_load(text)
    names = list(before["services"])

    edits = key_in_services(Written.of([path]), names, "restart: always")

    assert edits is not None
    change = fixes.change_of(finding(*edits))
    assert change is not None
    after = change.after[path]
    expected = {name: {**body, "restart": "always"} for name, body in before["services"].items()}
    assert expected == yaml.safe_load(after)["services"]
    # Text comes in, and none goes.
    assert all(edit.start == edit.end for edit in edits)


@pytest.mark.parametrize("text", NO_PLACE)
def test_where_there_is_no_place_there_is_no_mend(tmp_path: Path, text: str) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(text)

    assert key_in_services(Written.of([path]), ["a"], "restart: always") is None
