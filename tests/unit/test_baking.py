"""What Buildx bake is told, and what is left to Compose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from tranship.modes.baking import baking, leave


@dataclass(frozen=True)
class Known:
    epoch: str = ""
    labels: dict[str, str] = field(default_factory=dict)


def document(**services: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "shop",
        "services": {
            name: {"command": ["x"], "environment": {"PASSWORD": "secret"}, **body}
            for name, body in services.items()
        },
        "secrets": {"pip": {"file": "/state/pip.conf"}},
        "volumes": {"data": {}},
    }


def test_bake_gets_the_builds_and_nothing_else() -> None:
    build = {
        "context": "/shop",
        "args": {"BASE": "python", "UNSET": None},
        "network": "host",
        "secrets": [{"source": "pip"}],
        "labels": {"own": "1"},
        "tags": ["shop/web:stable"],
        "cache_from": [],
    }
    origin = Known("1700000000", {"org.opencontainers.image.revision": "abc", "own": "0"})

    made = baking(document(web={"build": build}), "shop", ["web"], {"web": origin})

    assert {
        "name": "tranship",
        "services": {
            "web": {
                "build": {
                    "context": "/shop",
                    "args": {"BASE": "python", "SOURCE_DATE_EPOCH": "1700000000"},
                    "network": "host",
                    "secrets": [{"source": "pip"}],
                    "labels": {
                        "org.opencontainers.image.revision": "abc",
                        "own": "1",
                        "com.docker.compose.project": "shop",
                        "com.docker.compose.service": "web",
                    },
                    "tags": ["shop-web", "shop/web:stable"],
                }
            }
        },
        "secrets": {"pip": {"file": "/state/pip.conf"}},
    } == made.document
    assert ({"web": "web"}, {}, True) == (made.targets, made.left, made.host_network)


def test_the_projects_own_epoch_stays() -> None:
    build = {"context": ".", "args": {"SOURCE_DATE_EPOCH": "0"}}

    made = baking(document(web={"image": "web:1", "build": build}), "shop", ["web"], {})

    assert {"SOURCE_DATE_EPOCH": "0"} == made.document["services"]["web"]["build"]["args"]
    assert ["web:1"] == made.document["services"]["web"]["build"]["tags"]
    assert not made.host_network


def test_names_that_bake_does_not_take_stay_apart() -> None:
    both = {name: {"build": {"context": "."}} for name in ("a.b", "a_b")}

    made = baking(document(**both), "shop", both, {})

    assert {"a_b": "a.b", "a_b_": "a_b"} == made.targets
    assert ["shop-a.b"] == made.document["services"]["a_b"]["build"]["tags"]


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"extra_hosts": ["a=1.2.3.4"]}, "extra_hosts"),
        ({"ssh": ["default"]}, "ssh"),
        ({"privileged": True}, "privileged"),
        ({"secrets": [{"source": "pip", "target": "other"}]}, "secrets.target"),
        ({"additional_contexts": {"base": "service:base"}}, "additional_contexts"),
    ],
)
def test_what_bake_cannot_carry_is_left(more: dict[str, Any], key: str) -> None:
    given = document(web={"build": {"context": ".", **more}}, api={"build": {"context": "."}})

    made = baking(given, "shop", ["web", "api"], {})

    assert ({"web": (key,)}, {"api": "api"}) == (made.left, made.targets)


@pytest.mark.parametrize(
    ("version", "host", "expected"),
    [
        ("github.com/docker/buildx v0.13.1 abc", True, []),
        ("github.com/docker/buildx v0.18.0 abc", True, ["--allow", "network.host"]),
        ("github.com/docker/buildx v0.18.0 abc", False, []),
        ("github.com/docker/buildx 0.29.1", False, ["--allow", "fs.read=*"]),
        ("of a distribution", True, []),
    ],
)
def test_a_newer_buildx_is_given_leave(version: str, host: bool, expected: list[str]) -> None:
    assert expected == leave(version, host)
