"""Differences as what can be applied: in containers, on this host, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tranship.comparison.bisect.change import Change
from tranship.comparison.bisect.factors import Factor, factors
from tranship.comparison.bisect.ground import Ground
from tranship.comparison.bisect.reasons import NotApplicable
from tranship.comparison.bisect.view import View
from tranship.comparison.fingerprints import differences

SAME = {
    "env:SAME": "1",
    "uid": "0",
    "gid": "0",
    "groups": "0",
    "umask": "0022",
    "cwd": "/project",
    "hostname": "here",
    "read_only_cwd": "no",
    "cpus_usable": "2",
    "cpu_quota": "none",
    "memory_limit": "none",
    "pids_limit": "none",
    "localtime": "/usr/share/zoneinfo/Etc/UTC",
}
BODY = {
    "volumes": [{"type": "bind", "source": "/home/me/p", "target": "/project", "read_only": True}]
}


def no_package(name: str) -> Change:
    raise NotApplicable("it is compiled for another Python or system")


def ground(
    side: str, failing: Mapping[str, str], passing: Mapping[str, str], **more: Any
) -> Ground:
    """Return the ground of two fingerprints; the failing side is `side`."""
    other = "docker" if side == "local" else "local"

    def view(own: Mapping[str, str], hosts: str) -> View:
        variables = {k.removeprefix("env:"): v for k, v in own.items() if k.startswith("env:")}
        return View({**SAME, **own}, variables, hosts, "nameserver 10.0.0.1\n")

    made = Ground(
        side=side,  # type: ignore[arg-type]
        passing_side=other,  # type: ignore[arg-type]
        failing=view(failing, "127.0.0.1 localhost\n"),
        passing=view(passing, "127.0.0.1 localhost\n"),
        failing_name=side,
        passing_name=other,
        baseline_name="local",
        candidate_name="docker",
        body=BODY,
        root_folder="/home/me/p",
        is_root=True,
        may_mount=True,
        has_locale=lambda name: name != "de_DE.UTF-8",
        packages=lambda name: Change(packages={name: "1.0"}),
    )
    return replace(made, **more)


def found(made: Ground) -> dict[str, Factor]:
    """Return the factors by key, without the network, which is always one."""
    sides = {made.failing_name: made.failing, made.passing_name: made.passing}
    rows = differences(sides["local"].fingerprint, sides["docker"].fingerprint)
    return {it.key: it for it in factors(rows, made) if it.key != "network"}


def only(side: str, failing: Mapping[str, str], passing: Mapping[str, str], **more: Any) -> Factor:
    made = found(ground(side, failing, passing, **more))
    assert 1 == len(made), list(made)
    return next(iter(made.values()))


def change(factor: Factor) -> Change:
    assert factor.change is not None, factor.reason
    return factor.change


def test_a_service_of_two_stacks_in_containers_is_nothing_that_can_be_applied() -> None:
    here, there = {"dns:db": "10.0.0.7"}, {"dns:db": "10.1.0.7"}
    both = {"passing_side": "docker"}

    assert {} == found(ground("docker", here, there, **both))
    assert ["hosts"] == list(found(ground("docker", {"dns:db": "no answer"}, there, **both)))
    far = ground("docker", {"dns:db.example": "10.0.0.7"}, {"dns:db.example": "10.1.0.7"}, **both)
    assert ["hosts"] == list(found(far))


def test_a_variable_is_set_or_taken_away() -> None:
    assert {"A": "2"} == change(only("docker", {"env:A": "1"}, {"env:A": "2"})).variables
    assert {"A": None} == change(only("docker", {"env:A": "1"}, {})).variables


def test_a_row_is_the_baselines_value_and_then_the_candidates_with_secrets_hidden() -> None:
    assert "env:A: 2 / 1" == only("docker", {"env:A": "1"}, {"env:A": "2"}).row
    assert "env:A: 1 / 2" == only("local", {"env:A": "1"}, {"env:A": "2"}).row
    shown = only("docker", {"env:API_TOKEN": "x1"}, {"env:API_TOKEN": "x2"}).row
    assert "env:API_TOKEN: ****** / ******" == shown


def test_what_the_placement_makes_is_no_factor() -> None:
    rows = {"env:PWD": "/a", "env:HOSTNAME": "b", "python_path": "c", "hash_seed": "1"}

    assert {} == found(ground("docker", rows, {}))


@pytest.mark.parametrize(
    ("failing", "passing", "zone"),
    [
        ({"env:TZ": "Asia/Tokyo", "tz": "JST"}, {"env:TZ": "UTC", "tz": "UTC"}, "UTC"),
        ({"env:TZ": "Asia/Tokyo", "tz": "JST"}, {"tz": "UTC"}, None),
        (
            {"localtime": "/etc/localtime", "tz": "UTC"},
            {"localtime": "/usr/share/zoneinfo/Europe/Paris", "tz": "CET"},
            "Europe/Paris",
        ),
        ({"localtime": "/usr/share/zoneinfo/Asia/Tokyo"}, {"localtime": "/etc/localtime"}, "UTC"),
    ],
)
def test_the_zone_is_a_variable_whoever_sets_it(
    failing: Mapping[str, str], passing: Mapping[str, str], zone: str | None
) -> None:
    factor = only("docker", failing, passing)

    assert "tz" == factor.key
    assert {"TZ": zone} == change(factor).variables


def test_the_locale_is_all_its_variables() -> None:
    factor = only(
        "docker",
        {"env:LANG": "C", "env:LC_ALL": "C", "collation": "A a", "encoding": "ascii"},
        {"env:LANG": "C.UTF-8", "collation": "a A", "encoding": "utf-8"},
    )

    assert "locale" == factor.key
    assert {"LANG": "C.UTF-8", "LC_ALL": None} == change(factor).variables


def test_a_locale_that_is_not_installed_cannot_be_applied() -> None:
    factor = only("docker", {"env:LANG": "C"}, {"env:LANG": "de_DE.UTF-8"})

    assert factor.change is None
    assert "the locale de_DE.UTF-8 is not installed on this side" == factor.reason


CONTAINER = [
    ({"uid": "10001", "gid": "10001"}, {}, {"user": "0:0"}),
    ({"cpu_quota": "0.5"}, {}, {"cpus": None}),
    ({}, {"cpu_quota": "0.5"}, {"cpus": 0.5}),
    ({"cpus_usable": "1"}, {}, {"cpuset": None}),
    ({}, {"cpus_usable": "1"}, {"cpuset": "0"}),
    (
        {"memory_limit": "1000"},
        {},
        {"mem_limit": None, "memswap_limit": None, "mem_reservation": None},
    ),
    ({}, {"memory_limit": "1000"}, {"mem_limit": "1000", "memswap_limit": "1000"}),
    ({"pids_limit": "9"}, {}, {"pids_limit": None}),
    ({"shared_memory": "1"}, {"shared_memory": "2"}, {"shm_size": "2"}),
    (
        {"limit_nofile": "64/64"},
        {"limit_nofile": "1024/unlimited"},
        {"ulimits": {"nofile": {"soft": 1024, "hard": -1}}},
    ),
    ({"dns:db": "no answer"}, {"dns:db": "10.0.0.7 10.0.0.8"}, {"extra_hosts": ["db=10.0.0.7"]}),
    (
        {"ports_from": "0"},
        {"ports_from": "1024"},
        {"sysctls": {"net.ipv4.ip_unprivileged_port_start": "1024"}},
    ),
    (
        {"capabilities": "0000000000000000"},
        {"capabilities": "0000000000000401"},
        {"cap_drop": ["ALL"], "cap_add": ["CHOWN", "NET_BIND_SERVICE"]},
    ),
    ({"seccomp": "2"}, {"seccomp": "0"}, {"security_opt": ["seccomp=unconfined"]}),
    ({"pid_1": "yes"}, {"pid_1": "no"}, {"init": True}),
    ({"read_only_root": "yes"}, {"read_only_root": "no"}, {"read_only": None}),
    ({"hostname": "c0ffee"}, {}, {"hostname": "here"}),
]


@pytest.mark.parametrize(
    ("failing", "passing", "body"), CONTAINER, ids=lambda it: str(list(it))[:30]
)
def test_a_container_gets_it_by_its_compose_service(
    failing: Mapping[str, str], passing: Mapping[str, str], body: Mapping[str, Any]
) -> None:
    assert body == change(only("docker", failing, passing)).body


def test_a_read_only_bind_is_replaced_by_a_copy() -> None:
    factor = only("docker", {"read_only_cwd": "yes"}, {"read_only_cwd": "no"})

    assert ("/project",) == change(factor).writable


HOST = [
    ({}, {"umask": "0077"}, {"umask": "0077"}),
    (
        {},
        {"uid": "7", "gid": "8", "groups": "8 9"},
        {"user": {"uid": 7, "gid": 8, "groups": [8, 9]}},
    ),
    ({}, {"memory_limit": "1000"}, {"group": {"memory": "1000"}}),
    ({}, {"cpu_quota": "0.5"}, {"group": {"cpus": "0.5"}}),
    ({}, {"cpus_usable": "1"}, {"cpus_usable": 1}),
    (
        {"limit_nofile": "64/64"},
        {"limit_nofile": "1024/unlimited"},
        {"limits": {"nofile": ["1024", "unlimited"]}},
    ),
    ({"dns:db": "no answer"}, {"dns:db": "10.0.0.7"}, {"hosts": ["10.0.0.7 db"]}),
    (
        {},
        {"read_only_cwd": "yes"},
        {"mounts": [{"path": "/project", "kind": "read-only"}]},
    ),
    (
        {"shared_memory": "1"},
        {"shared_memory": "2"},
        {"mounts": [{"path": "/dev/shm", "kind": "tmpfs", "options": "size=2"}]},
    ),
    ({}, {"hostname": "c0ffee"}, {"hostname": "c0ffee"}),
]


@pytest.mark.parametrize(("failing", "passing", "launch"), HOST, ids=lambda it: str(list(it))[:30])
def test_a_process_of_this_host_changes_itself(
    failing: Mapping[str, str], passing: Mapping[str, str], launch: Mapping[str, Any]
) -> None:
    assert launch == change(only("local", failing, passing)).launch


@pytest.mark.parametrize(
    ("failing", "passing", "reason"),
    [
        ({}, {"uid": "7"}, "it needs root on this host"),
        ({}, {"memory_limit": "1000"}, "it needs root on this host"),
        ({}, {"read_only_cwd": "yes"}, "it needs root on this host, and mounts of its own"),
        ({"limit_core": "0/0"}, {"limit_core": "1/1"}, "raising a hard limit: it needs root"),
        ({"cpus_usable": "1"}, {}, "may use no more CPUs"),
    ],
)
def test_what_only_root_may_give_is_said(
    failing: Mapping[str, str], passing: Mapping[str, str], reason: str
) -> None:
    factor = only("local", failing, passing, is_root=False, may_mount=False)

    assert factor.change is None
    assert reason in factor.reason


@pytest.mark.parametrize(
    ("key", "values", "reason"),
    [
        ("python", ("3.11.7", "3.12.1"), "it would be another interpreter"),
        ("libc", ("glibc 2.36", "musl"), "the interpreter is linked with it"),
        ("kernel2", ("5", "6"), "nothing sets it for a container"),
        ("machine", ("x86_64", "aarch64"), "it is the machine's own"),
        ("date", ("2024-01-01", "2026-01-01"), "a clock cannot be set for one process"),
        ("case_sensitive_cwd", ("yes", "no"), "it is the file system's own"),
        ("writable_tmp", ("yes", "no"), "it follows from the user and from what is mounted"),
    ],
)
def test_what_cannot_be_applied_has_a_plain_reason(
    key: str, values: tuple[str, str], reason: str
) -> None:
    factor = only("docker", {key: values[0]}, {key: values[1]})

    assert (None, reason) == (factor.change, factor.reason)


def test_what_may_be_written_follows_from_the_user() -> None:
    made = found(ground("docker", {"uid": "7", "writable_tmp": "no"}, {"writable_tmp": "yes"}))

    assert ["uid"] == list(made)


def test_packages_are_moved_one_at_a_time_and_tools_are_not() -> None:
    rows = ({"package:numpy": "1.0", "package:pip": "1"}, {"package:numpy": "2.0"})

    factor = only("docker", *rows)

    assert ("package:numpy", "package") == (factor.key, factor.kind)
    assert {"numpy": "1.0"} == change(factor).packages
    factor = only("docker", *rows, packages=no_package)
    assert "it is compiled for another Python or system" == factor.reason


def network(made: Ground) -> Factor:
    sides = {made.failing_name: made.failing, made.passing_name: made.passing}
    rows = differences(sides["local"].fingerprint, sides["docker"].fingerprint)
    found = factors(rows, made)
    assert "network" == found[-1].key, "the last one"
    return found[-1]


ADDRESSES = ({"env:URL": "http://web:8000/x"}, {"env:URL": "http://127.0.0.1:21000/x"})


def test_addresses_and_the_network_go_together() -> None:
    factor = network(ground("docker", *ADDRESSES))

    assert {"URL": "http://127.0.0.1:21000/x"} == change(factor).variables
    assert {"network_mode": "host"} == change(factor).body
    assert "network: this host's / the containers'" == factor.row


def test_a_process_enters_the_network_of_the_containers() -> None:
    made = ground("local", ADDRESSES[1], ADDRESSES[0])

    assert {"network": "passing"} == change(network(made)).launch
    assert "root" in network(replace(made, may_mount=False)).reason


def test_the_path_is_that_of_the_projects_folders_on_the_other_side() -> None:
    factor = only(
        "docker",
        {"env:PYTHONPATH": "/project"},
        {"env:PYTHONPATH": "/home/me/p/src", "cwd": "/home/me/p"},
    )

    assert {"PYTHONPATH": "/project/src"} == change(factor).variables
