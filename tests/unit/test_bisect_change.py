"""Changes: put together, written into a compose document, and shown as the mend."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tranship.comparison.bisect.change import (
    Change,
    binds_over,
    changed_document,
    together,
    unescaped,
)
from tranship.comparison.bisect.factors import Factor
from tranship.comparison.bisect.mend import mend

PROJECT = {"type": "bind", "source": "/home/me/p", "target": "/project", "read_only": True}
DOCUMENT: dict[str, Any] = {
    "name": "shop",
    "services": {
        "web": {"environment": {"A": "web"}, "mem_limit": "1g"},
        "tests": {
            "environment": {"A": "1", "B": "2"},
            "mem_limit": "64m",
            "deploy": {"resources": {"limits": {"memory": "64m", "cpus": "1"}}},
            "user": "10001",
            "extra_hosts": ["db=10.0.0.1"],
            "networks": {"default": None},
            "volumes": [PROJECT, {"type": "volume", "source": "data", "target": "/data"}],
        },
    },
}


def changed(change: Change, copies: dict[str, str] | None = None) -> dict[str, Any]:
    before = copy.deepcopy(DOCUMENT)
    made = changed_document(DOCUMENT, "tests", change, copies or {})
    assert before == DOCUMENT, "the document itself is untouched"
    assert before["services"]["web"] == made["services"]["web"], "only the suite's service changes"
    body: dict[str, Any] = made["services"]["tests"]
    return body


def test_no_change_is_the_same_document() -> None:
    assert DOCUMENT["services"]["tests"] == changed(Change())


def test_variables_are_set_and_taken_away() -> None:
    body = changed(Change(variables={"A": None, "B": "3", "C": "$x"}))

    assert {"B": "3", "C": "$x"} == body["environment"]


def test_a_limit_is_taken_away_where_deploy_has_it_too() -> None:
    body = changed(Change(body={"mem_limit": None}))

    assert "mem_limit" not in body
    assert {"cpus": "1"} == body["deploy"]["resources"]["limits"]


def test_a_new_limit_is_not_overruled_by_deploy() -> None:
    body = changed(Change(body={"mem_limit": "1024"}))

    assert "1024" == body["mem_limit"]
    assert {"cpus": "1"} == body["deploy"]["resources"]["limits"]


def test_hosts_are_added_and_a_user_is_replaced() -> None:
    body = changed(Change(body={"extra_hosts": ["cache=10.0.0.2"], "user": "0:0"}))

    assert ["db=10.0.0.1", "cache=10.0.0.2"] == body["extra_hosts"]
    assert "0:0" == body["user"]


def test_this_hosts_network_leaves_no_other_one() -> None:
    body = changed(Change(body={"network_mode": "host"}))

    assert "host" == body["network_mode"]
    assert "networks" not in body


def test_a_read_only_bind_becomes_one_of_a_copy() -> None:
    body = changed(Change(writable=("/project",)), {"/home/me/p": "/run/copies/0"})

    assert {"type": "bind", "source": "/run/copies/0", "target": "/project"} == body["volumes"][0]
    assert DOCUMENT["services"]["tests"]["volumes"][1] == body["volumes"][1]


@pytest.mark.parametrize(
    ("folder", "count"), [("/project", 1), ("/project/sub", 1), ("/projects", 0), ("/data", 0)]
)
def test_the_bind_over_a_folder(folder: str, count: int) -> None:
    assert count == len(binds_over(DOCUMENT["services"]["tests"], folder))


def test_changes_go_together_and_the_later_one_holds() -> None:
    both = together(
        [
            Change(
                variables={"A": "1"}, launch={"limits": {"nofile": ["1", "1"]}, "umask": "0022"}
            ),
            Change(
                variables={"A": None},
                body={"ulimits": {"nofile": {"soft": 1, "hard": 1}}},
                launch={"limits": {"core": ["0", "0"]}, "umask": "0077"},
                packages={"numpy": "2.1"},
            ),
            Change(body={"ulimits": {"core": {"soft": 0, "hard": 0}}}),
        ]
    )

    assert ("A",) == both.unset
    assert {} == both.given
    assert {"nofile", "core"} == set(both.body["ulimits"])
    assert {"limits": {"nofile": ["1", "1"], "core": ["0", "0"]}, "umask": "0077"} == both.launch
    assert {"numpy": "2.1"} == both.packages


def test_a_document_is_read_as_it_was_before_it_was_escaped() -> None:
    assert {"a": ["p$x", {"b": "$$"}], "c": 1} == unescaped({"a": ["p$$x", {"b": "$$$$"}], "c": 1})


def lines(on_docker: bool, *changes: Change) -> list[str]:
    cause = [Factor(f"key{n}", "1", "2", change) for n, change in enumerate(changes)]
    return list(mend(cause, on_docker, "tests"))


def test_the_mend_of_a_container_is_a_piece_of_the_compose_file() -> None:
    found = lines(
        True,
        Change(variables={"TZ": "UTC", "API_TOKEN": "s3cr3t-value", "OLD": None, "P": "a$b"}),
        Change(body={"user": "0:0", "cpuset": None, "extra_hosts": ["db=10.0.0.1"]}),
        Change(launch={"umask": "0022"}),
    )

    assert [
        "In the compose file:",
        "  services:",
        "    tests:",
        "      environment:",
        '        TZ: "UTC"',
        '        API_TOKEN: "******"',
        '        P: "a$$b"',
        "      # no OLD in environment, nor in the image",
        '      user: "0:0"',
        "      # no cpuset",
        '      extra_hosts: ["db=10.0.0.1"]',
        '      # umask 0022 before the command, as `sh -c "umask ..."`',
    ] == found


def test_the_mend_of_this_host_is_a_piece_of_shell() -> None:
    found = lines(
        False,
        Change(variables={"TZ": "Europe/Berlin", "A": None, "GREETING": "it's"}),
        Change(launch={"umask": "0077", "limits": {"nofile": ["64", "128"]}, "cpus_usable": 1}),
        Change(launch={"hosts": ["10.0.0.1 db"]}),
        Change(packages={"numpy": "2.1.0", "extra": None}),
    )

    assert [
        "In a shell on this host:",
        "  unset A",
        "  export TZ=Europe/Berlin",
        "  export GREETING='it'\"'\"'s'",
        "  umask 0077",
        "  prlimit --pid $$ --nofile=64:128",
        "  taskset --pid --cpu-list 0 $$",
        "  # in /etc/hosts: 10.0.0.1 db",
        "In what is installed there:",
        "  numpy==2.1.0",
        "  no extra",
    ] == found
