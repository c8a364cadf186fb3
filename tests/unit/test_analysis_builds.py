"""Dockerfiles, contexts, layers and build times, as the analysis reads them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from analyzedproject import SOUND_DOCKERFILE, Analyzed, image
from tranship.envmap.origins import Origin
from tranship.errors import EnvironmentFailed
from tranship.migration.analysis import dockerfile, hadolint, timing
from tranship.migration.analysis.ignored import is_ignored
from tranship.migration.analysis.images import megabytes, plain
from tranship.migration.analysis.layers import check_layers, large_layers, wasted

FILE = Path("Dockerfile")


@pytest.fixture
def project(tmp_path: Path, no_docker: None) -> Analyzed:
    return Analyzed(tmp_path / "project")


# --- Dockerfiles

TEXT = """\
# syntax=docker/dockerfile:1
ARG BASE=python:3.12
FROM ${BASE} AS base
WORKDIR /app

FROM base as build
RUN --mount=type=cache,target=/x --network=none \\
    # why
    pip install \\

    -r a.txt
COPY <<EOF /etc/x
FROM nowhere
EOF
FROM base
COPY --from=build --chown=1 /v /v
COPY ["a b", "c", "/d/"]
"""


def test_stages_instructions_and_lines() -> None:
    found = dockerfile.parse(TEXT, FILE)

    assert [("base", "${BASE}", 3), ("build", "base", 6), ("2", "base", 15)] == [
        (stage.name, stage.base, stage.line) for stage in found.stages
    ]
    run, copy = found.stages[1].instructions
    assert (7, "pip install -r a.txt") == (run.line, run.text)
    assert ("--mount=type=cache,target=/x", "--network=none") == run.flags
    assert (12, ["FROM nowhere"]) == (copy.line, copy.text.splitlines()[1:])
    first, second = found.stages[2].instructions
    assert ("build", ()) == (first.source_stage, first.from_context)
    assert ("a b", "c") == second.from_context


def test_the_stages_that_a_target_needs() -> None:
    found = dockerfile.parse(TEXT, FILE)

    assert ["base", "2"] == [stage.name for stage in found.chain(None)]
    assert ["base", "build", "2"] == [stage.name for stage in found.needed(None)]
    assert ["base", "build"] == [stage.name for stage in found.needed("build")]
    assert () == found.chain("none")


# --- order and context

ORDERS = [
    ("COPY . .\nRUN pip install -r requirements.txt", 3),
    ("ADD ./ /app\nRUN cd /app && npm ci", 3),
    ("COPY . .\nRUN uv sync --frozen", 3),
    ("COPY . .\nRUN poetry install --no-root", 3),
    ("COPY . .\nFROM y\nRUN pip install -r requirements.txt", None),
    ("COPY src/ src/\nRUN pip install -r src/requirements.txt", None),
    ("COPY . .\nRUN pip install .", None),
    ("COPY r.txt .\nRUN pip install -r r.txt\nCOPY . .\nRUN pip install -r r.txt", None),
    ("COPY pyproject.toml .\nRUN uv sync --no-install-project\nCOPY . .\nRUN uv sync", None),
    ("COPY . .\nRUN npm install -g pm2", None),
    ("COPY --from=build . .\nRUN pip install -r r.txt", None),
]


@pytest.mark.parametrize(("text", "line"), ORDERS)
def test_sources_before_dependencies(project: Analyzed, text: str, line: int | None) -> None:
    project.write("Dockerfile", f"FROM python:3.12 AS x\n{text}\nUSER 1\n")

    expected = [] if line is None else [("TM016", ("api",), f"Dockerfile:{line}")]
    assert expected == project.found()


def test_a_stage_goes_on_with_what_an_earlier_one_copied(project: Analyzed) -> None:
    project.write(
        "Dockerfile", "FROM x:1 AS a\nCOPY . .\nFROM a\nRUN pip install -r r.txt\nUSER 1\n"
    )

    assert [("TM016", ("api",), "Dockerfile:4")] == project.found()


IGNORED = [
    (".git", True),
    ("/.git/", True),
    ("**/.git", True),
    (".*", True),
    (".git/**", True),
    ("*", True),
    ("*\n!src", True),
    ("*\n!.git", False),
    ("!.git\n.git", True),
    ("# .git", False),
    ("git", False),
    (".git*.bak", False),
    ("src/.git", False),
    ("", False),
]


@pytest.mark.parametrize(("text", "expected"), IGNORED)
def test_what_dockerignore_leaves_out(text: str, expected: bool) -> None:
    assert expected == is_ignored(".git", text)


def test_only_a_copy_of_the_whole_context_takes_its_folders(project: Analyzed) -> None:
    (project.root / ".venv").mkdir()
    assert [("TM017", ("api",), "Dockerfile")] == project.found()

    project.change("COPY . .", "COPY src src", "Dockerfile")
    assert [] == project.found()
    project.write("Dockerfile", SOUND_DOCKERFILE)
    project.write("Dockerfile.dockerignore", ".venv\n")
    assert [] == project.found()


# --- layers


def test_commands_of_a_history_are_those_of_a_dockerfile() -> None:
    assert "RUN pip install x" == plain("RUN /bin/sh -c pip install   x # buildkit")
    assert "RUN make" == plain("RUN |2 A=1 B=c d /bin/sh -c make # buildkit")
    assert "RUN apt-get update" == plain("/bin/sh -c apt-get update")
    assert 'CMD ["x"]' == plain('/bin/sh -c #(nop)  CMD ["x"]')
    assert "COPY /v /v" == plain("COPY /v /v # buildkit")


WASTE = [
    ("RUN apt-get update && apt-get install -y curl", ["DL3009"]),
    ("RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*", []),
    ("RUN --mount=type=cache,target=/var/lib/apt apt-get update", []),
    ("RUN pip install x", ["DL3042"]),
    ("RUN pip install --no-cache-dir x", []),
    ("RUN --mount=type=cache,target=/root/.cache/pip pip install x", []),
    ("RUN apk add curl", ["DL3019"]),
    ("RUN apk --no-cache add gcc musl-dev", [""]),
    ("RUN apt-get install -y gcc && make && apt-get purge -y gcc", []),
    ("RUN chown -R app /app", [""]),
    ("RUN mkdir /x && chown app /x", []),
]


@pytest.mark.parametrize(("text", "expected"), WASTE)
def test_what_a_layer_holds_that_no_image_needs(text: str, expected: list[str]) -> None:
    assert expected == [item.same_as for item in wasted(text)]


def test_large_layers_and_who_made_them(project: Analyzed) -> None:
    project.write(
        "Dockerfile",
        "FROM python:3.12\nRUN pip install \\\n    -r x.txt\nCOPY --from=x /v /v\nCOPY a b\n"
        "USER 1\n",
    )
    layers = [
        (60_000_000, "RUN of the base"),
        (90_000_000, "RUN pip install -r x.txt"),
        (55_000_000, "COPY /v /v"),
        (900_000, "COPY a b"),
    ]
    project.images = {"shop-api": image("shop-api", *layers)}
    look = project.look()

    assert [
        ("RUN pip install -r x.txt", 2, "pip's download cache stays in it"),
        ("RUN of the base", None, "of the base image"),
        ("COPY /v /v", 4, "what stage x made"),
    ] == [
        (item.command, item.instruction and item.instruction.line, item.reason)
        for item in large_layers(look, "shop-api")
    ]
    (found,) = check_layers(look, linted=False)
    assert "`RUN pip install -r x.txt` makes 90.0 MB of shop-api, 44% of it" in found.message
    assert ("TM018", "Dockerfile:2") == (found.rule, found.places[0].shown(project.root))
    # hadolint has said it in its own words, or was told to leave it.
    assert [] == list(check_layers(look, linted=True))


def test_what_hadolint_has_no_rule_for_is_said_in_any_case(project: Analyzed) -> None:
    project.write("Dockerfile", "FROM python:3.12\nRUN chown -R 1 /x\nUSER 1\n")
    project.images = {"shop-api": image("shop-api", (60_000_000, "RUN chown -R 1 /x"))}

    (found,) = check_layers(project.look(), linted=True)

    assert "it holds every file again" in found.message


def test_a_variable_may_keep_the_cache_away(project: Analyzed) -> None:
    project.write("Dockerfile", "FROM x:1\nENV PIP_NO_CACHE_DIR=1\nRUN pip install x\nUSER 1\n")
    project.images = {"shop-api": image("shop-api", (60_000_000, "RUN pip install x"))}

    (large,) = large_layers(project.look(), "shop-api")

    assert ("installed packages", ()) == (large.reason, large.waste)


def test_a_fifth_of_a_small_image_is_large_and_a_crumb_is_not(project: Analyzed) -> None:
    project.images = {"shop-api": image("shop-api", (2_000_000, "a"), (1_000_000, "b"), (9, "c"))}
    assert ["a", "b"] == [item.command for item in large_layers(project.look(), "shop-api")]

    project.images = {"shop-api": image("shop-api", (900, "a"), (90, "b"))}
    assert () == large_layers(project.look(), "shop-api")


def test_sizes_are_those_of_docker() -> None:
    assert ["0.9 MB", "139.5 MB", "1.20 GB"] == [
        megabytes(size) for size in (900_000, 139_500_000, 1_200_000_000)
    ]


# --- build times

PROGRESS = """\
api #0 building with "default" instance using docker driver
api #1 [internal] load build definition from Dockerfile
api #1 DONE 0.0s
api #5 [api base 1/3] FROM docker.io/library/python:3.12
api #5 CACHED
api #6 [api base 2/3] RUN pip install     -r x.txt
api #6 0.5 Collecting x
api #7 [api base 3/3] COPY a b
api #7 DONE 0.2s
api #6 DONE 12.5s
tests #6 [tests base 2/3] RUN pip install     -r x.txt
tests #6 DONE 14.0s
"""


def test_steps_are_read_from_the_builders_output(project: Analyzed) -> None:
    project.write("Dockerfile", "FROM x:1\nRUN pip install \\\n    -r x.txt\nCOPY a b\nUSER 1\n")
    look = project.look()

    found = timing.steps(PROGRESS.splitlines(), look.builds)

    path = project.root / "Dockerfile"
    assert [
        ("RUN pip install -r x.txt", 12.5, Origin(path, 2)),
        ("COPY a b", 0.2, Origin(path, 4)),
    ] == [(step.command, step.seconds, step.place) for step in found]
    assert ("12.5 s", "98%", "Dockerfile:2", "api base 2/3", "RUN pip install -r x.txt") == (
        timing.table(found, project.root).rows[0]
    )
    (finding,) = timing.check_steps(found)
    assert ("TM019", (Origin(path, 2),)) == (finding.rule, finding.places)
    assert "takes 12.5 s" in finding.message


def test_images_that_are_timed_have_names_of_their_own(project: Analyzed) -> None:
    project.change("build: .", "build: {context: ., tags: [shop/api:stable]}")
    look = project.look()

    document, names = timing.renamed(look.document, look.builds, "abc")

    assert ("tranship-abc/timed-api",) == names
    api = document["services"]["api"]
    assert (names[0], {"context": "."}) == (api["image"], api["build"])
    assert ["shop/api:stable"] == look.document["services"]["api"]["build"]["tags"]


def test_a_slow_step_with_a_cache_or_without_a_download_is_left_alone() -> None:
    step = timing.Step("x", "RUN pip install -r x.txt", 11.0)

    assert 1 == len(list(timing.check_steps([step])))
    for command in ("RUN --mount=type=cache,target=/c pip install -r x", "RUN make"):
        assert [] == list(timing.check_steps([replace(step, command=command)]))
    assert [] == list(timing.check_steps([replace(step, seconds=9.9)]))


# --- hadolint


def test_hadolint_finds_what_it_finds(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM python\nRUN cd /x && apt-get update && apt-get -y install curl\n")
    program = hadolint.command()
    assert program is not None  # in the dev group

    found = hadolint.lint(program, [path, path], tmp_path)

    by_rule = {item.rule: item for item in found}
    assert {"DL3006", "DL3008", "DL3009"} <= set(by_rule)
    assert ("warning", "build time", (Origin(path, 1),)) == (
        by_rule["DL3006"].severity,
        by_rule["DL3006"].heading,
        by_rule["DL3006"].places,
    )
    assert "note" == by_rule["DL3009"].severity
    assert "# hadolint ignore=DL3006" in by_rule["DL3006"].mend
    assert len(found) == len({(item.rule, item.places) for item in found})


def test_the_projects_own_settings_of_hadolint_count(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM python\n")
    (tmp_path / ".hadolint.yaml").write_text("ignored: [DL3006]\n")

    assert () == hadolint.lint(hadolint.command() or "", [path], tmp_path)


def test_a_hadolint_that_fails_is_said(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match="hadolint failed"):
        hadolint.lint("/bin/false", [tmp_path / "Dockerfile"], tmp_path)
    with pytest.raises(EnvironmentFailed, match="hadolint failed"):
        hadolint.lint(str(tmp_path / "none"), [tmp_path / "Dockerfile"], tmp_path)


def test_the_example_stack_has_no_finding_of_hadolint() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [hadolint.command() or "", "--format", "json", "compose/services/Dockerfile"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )

    assert [] == json.loads(done.stdout)
