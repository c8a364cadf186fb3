"""Layers of settings: what wins, what merges, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from envmaps import Envs
from tranship.envmap.layers import Layers, environments, flattened, kind, load
from tranship.errors import SettingsError


@pytest.fixture
def envs(tmp_path: Path) -> Envs:
    return Envs(tmp_path)


def settings(envs: Envs, *layers: Any) -> Layers:
    """Return base, development, its private layer and local, as far as given."""
    names = ("base", "development", "development.secrets", "local")
    for name, layer in zip(names, layers, strict=False):
        envs.layer(name, layer)
    return load(envs.folder, "development", "local")


def test_the_layers_go_from_the_general_to_the_particular(envs: Envs) -> None:
    for name in ("base", "development", "development.secrets", "local"):
        envs.layer(name, {"who": name})
    envs.layer("docker", {"who": "docker"})
    envs.layer("production", {"who": "production"})

    local = load(envs.folder, "development", "local")
    docker = load(envs.folder, "production", "docker")

    assert ["base", "development", "development.secrets", "local"] == [
        given.value for given in local.chains["who"]
    ]
    assert ["base", "production", "docker"] == [given.layer for given in docker.chains["who"]]
    assert ("local", "docker") == (local.value("who"), docker.value("who"))
    assert ("local", "development") == (local.side, local.environment)
    assert ["base.json", "production.json", "docker.json"] == [path.name for path in docker.files]


def test_each_word_knows_its_file_and_line(envs: Envs) -> None:
    found = settings(envs, '{\n"a": {\n"b": 1}}', '{"x": 0,\n\n"a": {"b": 2}}')

    assert ["envs/base.json:3", "envs/development.json:3"] == [
        given.origin.shown(envs.root) for given in found.chains["a.b"]
    ]


def test_objects_merge_deeply(envs: Envs) -> None:
    found = settings(
        envs, {"a": {"b": {"c": 1, "d": 2}, "e": 3}}, {"a": {"b": {"d": 4, "f": 5}}, "g": 6}
    )

    assert {"a.b.c": 1, "a.b.d": 4, "a.b.f": 5, "a.e": 3, "g": 6} == dict(flattened(found))
    assert ["a.b.c", "a.b.d", "a.b.f", "a.e", "g"] == [path for path, _ in flattened(found)]


@pytest.mark.parametrize("over", [[], [3], [{"x": 1}], "", 0, False, None])
def test_everything_else_replaces(envs: Envs, over: Any) -> None:
    found = settings(envs, {"a": [1, 2]}, {"a": over})

    assert over == found.value("a")
    assert 2 == len(found.chains["a"])


@pytest.mark.parametrize("over", [False, 0, "", None, [], "x"])
def test_a_value_replaces_a_whole_object(envs: Envs, over: Any) -> None:
    found = settings(envs, {"a": {"b": 1, "c": {"d": 2}}, "ab": 1}, {"a": over})

    assert {"a": over, "ab": 1} == dict(flattened(found))
    assert "a.b" not in found


def test_an_object_replaces_a_whole_value(envs: Envs) -> None:
    found = settings(envs, {"a": 1}, {"a": {"b": 2}})

    assert {"a.b": 2} == dict(flattened(found))
    with pytest.raises(KeyError):
        found.value("a")


def test_null_between_two_objects_forgets_the_first(envs: Envs) -> None:
    found = settings(envs, {"a": {"b": 1}}, {"a": None}, {"a": {"c": 2}})

    assert {"a.c": 2} == dict(flattened(found))


def test_the_private_layer_is_above_its_environment_and_below_the_side(envs: Envs) -> None:
    found = settings(
        envs,
        {"password": "base", "side": 1},
        {"password": "committed"},
        {"password": "private", "side": 2},
        {"side": 3},
    )

    assert ("private", 3) == (found.value("password"), found.value("side"))


CHANGES = [
    ({"a": 1}, {"a": "1"}, "a is a number in base and a string in development"),
    ({"a": True}, {"a": 1}, "a is a boolean in base and a number in development"),
    ({"a": [1]}, {"a": {"b": 1}}, "a is a list in base and an object in development"),
    ({"a": {"b": 1}}, {"a": "x"}, "a is an object in base and a string in development"),
    ({"a": {"b": 1}}, {"a": {"b": False}}, "a.b is a number in base and a boolean in development"),
]


@pytest.mark.parametrize(("base", "over", "sentence"), CHANGES)
def test_a_type_that_changes_is_reported(envs: Envs, base: Any, over: Any, sentence: str) -> None:
    (change,) = settings(envs, base, over).changes

    assert sentence == str(change)
    assert 2 <= change.before.origin.line <= 3
    assert "development.json" == change.after.origin.file.name


@pytest.mark.parametrize(
    ("base", "over"),
    [
        ({"a": 1}, {"a": 2.5}),
        ({"a": 1}, {"a": None}),
        ({"a": None}, {"a": 1}),
        ({"a": "x"}, {"a": ""}),
        ({"a": {"b": 1}}, {"a": {"c": "x"}}),
        ({"a": 1}, {"b": "x"}),
    ],
)
def test_what_is_no_change_of_type(envs: Envs, base: Any, over: Any) -> None:
    assert () == settings(envs, base, over).changes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "a boolean"),
        (0, "a number"),
        (1.5, "a number"),
        (None, "null"),
        ("", "a string"),
        ([], "a list"),
        ({}, "an object"),
    ],
)
def test_kinds_are_jsons(value: Any, expected: str) -> None:
    assert expected == kind(value)


def test_environments_are_the_files_that_are_no_other_layer(envs: Envs) -> None:
    for name in ("base", "local", "docker", "test", "production", "test.secrets", "staging"):
        envs.layer(name, {})

    assert ("production", "staging", "test") == environments(envs.folder)


def test_an_unknown_environment_names_the_near_one(envs: Envs) -> None:
    envs.layer("production", {})
    envs.layer("test", {})

    with pytest.raises(SettingsError) as raised:
        load(envs.folder, "producton", "local")

    assert str(raised.value) == (
        f"{envs.folder}: no environment 'producton' (did you mean 'production'?). "
        "Environments: production, test; a new one is a file producton.json."
    )


def test_no_layers_at_all_are_no_settings(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        found = load(folder, "development", "docker")
        assert ((), {}, ()) == (found.files, found.chains, found.changes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", "envs/test.json: the top level must be an object"),
        (b'{"a":\n"\xe9"}', "envs/test.json:2: not valid UTF-8"),
        ('{"a": 1,\n"a": 2}', "envs/test.json:2: the key 'a' stands here again"),
    ],
)
def test_a_layer_that_cannot_be_read(envs: Envs, content: str | bytes, message: str) -> None:
    envs.layer("test", content)

    with pytest.raises(SettingsError) as raised:
        load(envs.folder, "test", "local")

    assert str(raised.value).startswith(str(envs.root / message))
