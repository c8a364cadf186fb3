"""What holds for every value: reading gives back what writing was given, and the way over to
the other side and back leads to where it began."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from envmaps import PORTS, placed, stack_with, values
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tranship.envmap.dotenvfile import dotenv
from tranship.envmap.infer import rewrite
from tranship.envmap.jsonlines import read_object
from tranship.envmap.resolve import EnvMap, resolver
from tranship.envmap.templates import parse
from tranship.stack.placement import Endpoint, Placement

bounded = settings(
    max_examples=200,
    deadline=None,  # a busy machine is no failure
    database=None,
    derandomize=bool(os.environ.get("CI")),
)

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
# Denser in what quoting is about.
HARD_TEXT = st.text(st.sampled_from("'\"\\$#{}=\n\r\t abn`%ü🚢\x0b\x85"), max_size=20)
TEXT = ANY_TEXT | HARD_TEXT
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


@bounded
@given(st.dictionaries(NAMES, TEXT, max_size=6))
def test_an_env_file_gives_back_what_it_was_given(variables: dict[str, str]) -> None:
    text = dotenv(variables)

    assert variables == dotenv_values(stream=io.StringIO(text, newline=None), interpolate=False)


@bounded
@given(TEXT.filter(lambda text: not {"{", "}"} & set(text)))
def test_a_template_without_braces_is_itself(text: str) -> None:
    assert (text,) == parse(text).parts


@bounded
@given(TEXT)
def test_doubled_braces_are_literal_ones(text: str) -> None:
    escaped = text.replace("{", "{{").replace("}", "}}")

    assert text == "".join(str(part) for part in parse(escaped).parts)
    assert () == parse(escaped).placeholders


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=10,
)


def paths(value: object, prefix: tuple[str, ...] = ()) -> dict[str, int]:
    """Return each dotted path of an object, with the line that `indent=0` puts it on."""
    found: dict[str, int] = {}
    line = 1
    assert isinstance(value, dict)
    for key, item in value.items():
        line += 1
        found[key] = line
        line += json.dumps(item, indent=0).count("\n")
    return found


@bounded
@given(
    value=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters=".\0"), max_size=8),
        JSON_VALUES,
        max_size=4,
    ),
    ascii_only=st.booleans(),
)
def test_the_line_of_each_key_of_any_object(
    value: dict[str, object], ascii_only: bool, tmp_path_factory: object
) -> None:
    path = Path(tmp_path_factory.getbasetemp()) / "any.json"  # type: ignore[attr-defined]
    path.write_text(json.dumps(value, indent=0, ensure_ascii=ascii_only), encoding="utf-8")

    document, lines = read_object(path)

    assert value == document
    expected = paths(value)
    assert expected == {key: lines[key] for key in expected}


HOSTS = {"postgres": 5432, "redis": 6379, "data-service": 8000, "elsewhere": 4321}
ADDRESSES = st.sampled_from([f"{host}:{port}" for host, port in HOSTS.items()])
WORDS = st.text(st.sampled_from("abz019-._~%:+;=&$!*'()ü"), max_size=8)
USER_INFO = st.just("") | st.builds(
    "{}{}@".format, WORDS.filter(lambda text: ":" not in text), WORDS.map(lambda w: w and f":{w}")
)
URLS = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["http", "postgresql+psycopg", "redis", "amqp", "custom.x-y"]),
    USER_INFO,
    ADDRESSES,
    st.sampled_from(["", "/", "/db", "/redis:6379/x", "/a,b"]),
    st.sampled_from(["", "?q=redis:6379", "?a=http%3A%2F%2Fx#f"]),
)
LISTS = st.lists(ADDRESSES, min_size=1, max_size=3).map(",".join)
DSNS = st.builds(
    lambda at, head, tail: head + "host={} port={}".format(*at.split(":")) + tail,
    ADDRESSES,
    st.sampled_from(["", "user=redis ", "password=host "]),
    st.sampled_from(["", " dbname=redis", " options=x=y"]),
)
PLAIN = URLS | LISTS | DSNS
PARTS = st.recursive(
    PLAIN | st.integers() | st.booleans() | st.none() | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "x", "note"]), inner, max_size=3)
        | ADDRESSES.map(lambda at: {"host": at.split(":")[0], "port": int(at.split(":")[1])})
    ),
    max_leaves=6,
)
JSONS = st.builds(
    lambda value, tight, ascii_only: json.dumps(
        value, separators=(",", ":") if tight else (", ", ": "), ensure_ascii=ascii_only
    ),
    st.lists(PARTS, min_size=1, max_size=3) | st.dictionaries(st.just("k"), PARTS, min_size=1),
    st.booleans(),
    st.booleans(),
)


def pair(address: str, names: tuple[str, str]) -> dict[str, str]:
    return dict(zip(names, address.split(":"), strict=True))


PAIRS = st.builds(pair, ADDRESSES, st.sampled_from([("DB_HOST", "DB_PORT"), ("pghost", "PGPORT")]))
DECLARED: SearchStrategy[Mapping[str, str]] = st.builds(
    lambda one, two: {**one, **two},
    st.dictionaries(st.sampled_from(["A", "B", "URL", "OPTIONS"]), PLAIN | JSONS, max_size=3),
    PAIRS | st.just({}),
)
STACK = stack_with()
TO_LOCAL = resolver(STACK, Placement(dict.fromkeys(STACK.services, "local")), PORTS, "local")
TO_DOCKER = {
    ("127.0.0.1", PORTS.local[name, port]): Endpoint(name, name, port)
    for name, port in HOSTS.items()
    if (name, port) in PORTS.local
}


def there(declared: Mapping[str, str]) -> dict[str, str]:
    return values(rewrite(declared, TO_LOCAL))


def back(local: Mapping[str, str]) -> dict[str, str]:
    return values(rewrite(local, lambda host, port: TO_DOCKER.get((host, port or 0))))


@bounded
@given(DECLARED)
def test_docker_to_local_to_docker_is_the_identity(declared: Mapping[str, str]) -> None:
    assert declared == back(there(declared))


@bounded
@given(DECLARED)
def test_local_to_docker_to_local_is_the_identity(declared: Mapping[str, str]) -> None:
    local = there(declared)

    assert local == there(back(local))


@bounded
@given(DECLARED)
def test_the_way_over_leaves_no_address_behind(declared: Mapping[str, str]) -> None:
    for value in there(declared).values():
        assert not any(f"//{name}:{port}" in value for name, port in PORTS.local)


@bounded
@given(
    st.dictionaries(
        st.sampled_from(["A", "DB_HOST", "DB_PORT", "PGHOST", "SERVERS", "X"]),
        PLAIN | JSONS | TEXT | st.sampled_from(["redis", "redis,postgres", "host=redis", "6379"]),
        max_size=4,
    )
)
def test_between_containers_every_value_is_as_declared(declared: dict[str, str]) -> None:
    stack = stack_with(declared)

    found = EnvMap(stack, Path()).environment("api", placed(stack), PORTS)

    assert declared == values(found)
    assert {None} >= {item.rule for item in found}
