from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tranship.errors import EnvironmentFailed, RecordError
from tranship.trials import record
from tranship.trials.record import (
    EdgeLatency,
    Failure,
    HealthSamples,
    RuntimeShare,
    Series,
    ServiceFigures,
    SuiteRun,
    TestOutcome,
    Trial,
)


def trial(
    mode: str = "local", started: str = "2026-05-01T10:00:00+00:00", name: str = "a1"
) -> Trial:
    return Trial(id=name, mode=mode, placement={"redis": "local"}, started=started, project="p")


FULL = Trial(
    id="f00",
    mode="docker",
    placement={"redis": "docker", "api": "local"},
    started="2026-05-01T10:00:00+00:00",
    project="tranship-x-1",
    startup_seconds=2.5,
    suite=SuiteRun(
        command=("pytest", "-q"),
        exit_code=None,
        seconds=12.0,
        tests=(TestOutcome("tests.test_a", "test_é[☃|x]", "failed", 0.1, "assert 1 == 2"),),
        hung_in="tests/test_a.py::test_z",
        limit_seconds=12.0,
    ),
    services={
        "redis": ServiceFigures(
            side="docker",
            startup_seconds=0.5,
            memory_bytes=1024,
            memory_method="cgroup v2 anon",
            health=HealthSamples(samples=3, passed=2, p50_seconds=0.001, p95_seconds=0.002),
            offset_seconds=0.25,
            waited_for=("api",),
            series=Series((0.0, 0.5), (1, None), (0.5, 0.75), (2, 2), (9, 9), (None, 3), (0, 1)),
            throttled_seconds=0.5,
            oom_kills=1,
        ),
    },
    runtime=RuntimeShare(processes=2, memory_bytes=5, cpu_seconds=0.25, series=Series()),
    fingerprint={"python": "3.11.7"},
    failure=Failure("suite", "hung"),
    batch="b1",
    repeat=2,
    edges=(EdgeLatency("api", "redis", "redis", "published", 100, 1, 0.001, 0.002, 0.003),),
)

VERSION_1 = """
{"id": "old", "mode": "local", "placement": {"redis": "local"},
 "started": "2026-05-01T10:00:00+00:00", "project": "p", "startup_seconds": 1.5,
 "suite": {"command": ["pytest"], "exit_code": 0, "seconds": 2.0, "hung_in": null,
  "limit_seconds": 60.0, "tests": [{"classname": "tests.test_a", "name": "test_b",
   "outcome": "passed", "seconds": 0.1, "message": ""}]},
 "services": {"redis": {"side": "local", "startup_seconds": 0.5, "own_startup_seconds": 0.25,
  "memory_bytes": 1024, "memory_method": "cgroup v1", "cpu_seconds": 0.5,
  "cpu_method": "cgroup v1",
  "health": {"samples": 3, "passed": 3, "p50_seconds": 0.001, "p95_seconds": 0.002}}},
 "runtime": {"processes": 1, "memory_bytes": 5, "cpu_seconds": 0.25},
 "fingerprint": {"python": "3.11.7"}, "failure": null, "format": "tranship-trial", "version": 1}
"""


def test_a_record_survives_the_way_through_disk(tmp_path: Path) -> None:
    path = record.write(FULL, tmp_path / "new" / "folder")

    assert record.read(path) == FULL


def test_the_file_is_named_after_mode_start_and_id(tmp_path: Path) -> None:
    assert record.write(trial(), tmp_path).name == "local-20260501T100000-a1.json"


def test_a_record_of_version_1_loads_with_what_it_did_not_say_left_open(tmp_path: Path) -> None:
    path = tmp_path / "local-20260501T100000-old.json"
    path.write_text(VERSION_1)

    old = record.read(path)

    redis = old.services["redis"]
    assert (old.version, old.batch, old.repeat, old.edges) == (1, "", 1, ())
    assert (redis.memory_bytes, redis.offset_seconds, redis.waited_for) == (1024, None, ())
    assert (redis.series, redis.throttled_seconds, redis.oom_kills) == (None, None, None)
    assert record.newest_batch(tmp_path, "local") == (old,)


def test_the_newest_batch_is_all_its_runs_in_order_and_no_other(tmp_path: Path) -> None:
    for second, (batch, repeat) in enumerate(
        [("b1", 1), ("b2", 1), ("b1", 2), ("b2", 2), ("", 1), ("b2", 3)]
    ):
        started = f"2026-05-01T10:00:{second:02}+00:00"
        run = replace(trial(started=started, name=f"r{second}"), batch=batch, repeat=repeat)
        record.write(run, tmp_path)
    record.write(replace(trial(mode="docker"), batch="b2"), tmp_path)

    newest = record.newest_batch(tmp_path, "local")

    assert [(run.id, run.repeat) for run in newest] == [("r1", 1), ("r3", 2), ("r5", 3)]


def test_each_record_of_a_batch_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        run = trial(started=f"2026-05-01T10:00:{number:02}+00:00", name=f"r{number}")
        record.write(replace(run, batch="b", repeat=number), tmp_path)
    opened, read = [], record.read

    def counted(path: Path) -> Trial:
        opened.append(path.name)
        return read(path)

    monkeypatch.setattr(record, "read", counted)

    assert len(record.newest_batch(tmp_path, "local")) == 3
    assert len(opened) == len(set(opened)) == 3
    assert record.newest_batch(tmp_path, "docker") == ()


def test_a_batch_longer_than_what_is_kept_stays_whole(tmp_path: Path) -> None:
    record.write(trial(started="2026-04-01T10:00:00+00:00"), tmp_path)
    count = record.KEPT_PER_MODE + 3
    for second in range(count):
        run = trial(started=f"2026-05-01T10:00:{second:02}+00:00", name=str(second))
        record.write(replace(run, batch="b1", repeat=second + 1), tmp_path)

    assert len(record.newest_batch(tmp_path, "local")) == count
    assert len(list(tmp_path.iterdir())) == count


def test_counts_and_rates() -> None:
    suite = FULL.suite
    assert suite is not None
    assert (suite.count("failed"), suite.count("passed")) == (1, 0)
    assert HealthSamples(samples=4, passed=3).rate == 0.75
    assert HealthSamples(samples=0, passed=0).rate is None


def test_text_that_is_no_utf8_costs_a_character_not_the_record(tmp_path: Path) -> None:
    broken = Trial(
        id="a", mode="local", placement={}, started="2026-05-01T10:00:00", project="p",
        failure=Failure("start", "log: \udcff"),
    )  # fmt: skip

    assert record.read(record.write(broken, tmp_path)).failure == Failure("start", "log: ?")


def test_newest_is_the_newest_of_its_own_mode(tmp_path: Path) -> None:
    for day in ("03", "01", "02"):
        record.write(trial(started=f"2026-05-{day}T10:00:00+00:00", name=day), tmp_path)
    record.write(trial(mode="docker", started="2026-06-01T10:00:00+00:00"), tmp_path)
    record.write(trial(mode="local-2", started="2026-06-01T10:00:00+00:00"), tmp_path)

    assert record.newest(tmp_path, "local").id == "03"


def test_modes_whose_names_look_alike_as_files_keep_apart(tmp_path: Path) -> None:
    names = ["hybrid:a", "hybrid_a", "hybrid/a", "hybrid a", "x" * 300, "x" * 301]
    for name in names:
        record.write(trial(mode=name), tmp_path)

    assert names == [record.newest(tmp_path, name).mode for name in names]


def test_no_record_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"No record of mode 'docker' in .*nox -s docker"):
        record.newest(tmp_path, "docker")


def test_old_records_go_but_only_of_the_same_mode(tmp_path: Path) -> None:
    record.write(trial(mode="docker"), tmp_path)
    for second in range(record.KEPT_PER_MODE + 3):
        record.write(trial(started=f"2026-05-01T10:00:{second:02}+00:00"), tmp_path)

    kept = sorted(path.name for path in tmp_path.glob("local-*"))
    assert len(kept) == record.KEPT_PER_MODE
    assert kept[0] == "local-20260501T100003-a1.json"
    assert len(list(tmp_path.glob("docker-*"))) == 1


def test_a_clock_set_back_does_not_cost_the_record_just_written(tmp_path: Path) -> None:
    for second in range(record.KEPT_PER_MODE):
        record.write(trial(started=f"2026-05-01T10:00:{second:02}+00:00"), tmp_path)

    path = record.write(trial(started="2020-01-01T00:00:00+00:00"), tmp_path)

    assert path.exists()


def test_what_killed_writers_left_goes_once_it_is_old(tmp_path: Path) -> None:
    old, young = tmp_path / ".writing-old", tmp_path / ".writing-young"
    old.touch()
    young.touch()
    past = time.time() - record.STALE_SECONDS - 10
    os.utime(old, (past, past))

    record.write(trial(), tmp_path)

    assert (old.exists(), young.exists()) == (False, True)


def test_a_left_over_that_another_run_removes_first_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / ".writing-gone"
    gone.symlink_to(tmp_path / "nowhere")

    assert record.write(trial(), tmp_path).exists()


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(EnvironmentFailed, match=r"cannot be written \(No space left on device\)"):
        record.write(trial(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()

    with pytest.raises(EnvironmentFailed, match="cannot be written"):
        record.write(trial(), tmp_path / "taken")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="cannot be read"):
        record.read(tmp_path / "none.json")


@pytest.mark.parametrize("text", ["", "{", "\xff\xfe", "nonsense", "[" * 100_000])
def test_a_file_that_is_no_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(RecordError, match=r"x.json: not JSON"):
        record.read(path)


@pytest.mark.parametrize("value", [[], {}, {"format": "other"}, None, 3])
def test_json_that_is_no_record(tmp_path: Path, value: object) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(value))

    with pytest.raises(RecordError, match="not a trial record"):
        record.read(path)


@pytest.mark.parametrize("version", [record.VERSION + 1, 0, "1", None, 1.5])
def test_a_version_that_is_not_known(tmp_path: Path, version: object) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"format": record.FORMAT, "version": version}))

    with pytest.raises(RecordError, match=r'"version" is .*reads up to 2'):
        record.read(path)


def test_a_malformed_field_is_named(tmp_path: Path) -> None:
    path = record.write(FULL, tmp_path)
    raw = json.loads(path.read_text())
    raw["suite"]["tests"][0]["outcome"] = "maybe"
    path.write_text(json.dumps(raw))

    with pytest.raises(RecordError, match=r'"suite\.tests\.0\.outcome": Input should be'):
        record.read(path)


def test_a_field_of_a_later_patch_is_ignored(tmp_path: Path) -> None:
    path = record.write(FULL, tmp_path)
    raw = json.loads(path.read_text()) | {"later": 1}
    path.write_text(json.dumps(raw))

    assert record.read(path) == FULL
