from __future__ import annotations

from pathlib import Path

from tranship.envmap import layers
from tranship.envmap.difference import Cell, Difference, difference, rows, settings_difference
from tranship.envmap.infer import Variable
from tranship.envmap.origins import Origin

LABELS = ("development", "test")
ROOT = Path("/project")


def variables(**values: str) -> tuple[Variable, ...]:
    return tuple(Variable(name, value) for name, value in values.items())


def test_equal_ones_are_left_out() -> None:
    left = {"api": variables(A="1", B="2"), "web": variables(A="1")}
    right = {"web": variables(A="1"), "api": variables(B="3", A="1")}
    assert (Difference("api", "B", Cell("2"), Cell("3")),) == difference(left, right)
    assert () == difference(left, left)
    assert () == difference({}, {})


def test_what_only_one_has() -> None:
    found = difference({"api": variables(A="")}, {"api": variables(B="1"), "web": variables(C="2")})
    assert (
        Difference("api", "A", Cell(""), None),
        Difference("api", "B", None, Cell("1")),
        Difference("web", "C", None, Cell("2")),
    ) == found
    assert ["only left", "only right", "only right"] == [item.state for item in found]


def test_secrets_are_hidden() -> None:
    left = {"api": variables(DB_PASSWORD="a1b2c3", URL="redis://:a1b2c3@redis/0", TOKEN="")}
    right = {"api": variables(DB_PASSWORD="d4e5f6", URL="redis://:d4e5f6@redis/0", TOKEN="d4e5f6")}
    found = difference(left, right)
    assert [True, False, True] == [item.hidden for item in found]
    headers, shown = rows(found, LABELS, ROOT)
    assert ["service", "variable", "development", "test", ""] == headers
    assert [
        ["api", "DB_PASSWORD", "******", "******", "differs in what is hidden"],
        ["api", "TOKEN", '""', "******", ""],
        ["api", "URL", *["redis://:******@redis/0"] * 2, "differs in what is hidden"],
    ] == shown


def test_rows_say_which_side_has_it_and_where() -> None:
    origin = Origin(ROOT / "envs" / "mapping.toml", 3)
    left = {"api": (Variable("A", "1", None, "mapping", origin), Variable("B", "two\nlines"))}
    headers, shown = rows(difference(left, {"api": variables(A="2", C="3")}), LABELS, ROOT)
    assert ["service", "variable", "development", "test", "", "where"] == headers
    assert [
        ["api", "A", "1", "2", "", "envs/mapping.toml:3"],
        ["api", "B", "two\\nlines", "-", "only development", ""],
        ["api", "C", "-", "3", "only test", ""],
    ] == shown


def test_long_values_that_differ_at_their_end() -> None:
    left, right = {"api": variables(A="x" * 100 + "1")}, {"api": variables(A="x" * 100 + "2")}
    (row,) = rows(difference(left, right), LABELS, ROOT)[1]
    assert ["api", "A", "x" * 57 + "...", "x" * 57 + "...", "differs further on"] == row


def settings(folder: Path, environment: str, text: str) -> layers.Layers:
    (folder / f"{environment}.json").write_text(text, encoding="utf-8")
    return layers.load(folder, environment, "docker")


def test_settings(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text('{"same": 1, "log": {"level": "INFO"}}', encoding="utf-8")
    left = settings(
        tmp_path,
        "development",
        '{\n"log": {"level": "DEBUG"}, "a": 1, "b": true, "c": null, "l": [1], "p": {"q": 1}}',
    )
    right = settings(tmp_path, "test", '{"a": "1", "b": 1, "c": "", "l": [1, 2], "p": {"r": 1}}')
    found = settings_difference(left, right)
    headers, shown = rows(found, LABELS, tmp_path)
    assert ["setting", "development", "test", "", "where"] == headers
    places = "development.json:2, test.json:1"
    assert [
        ["a", "1", '"1"', "", places],
        ["b", "true", "1", "", places],
        ["c", "null", '""', "", places],
        ["l", "[1]", "[1,2]", "", places],
        ["log.level", '"DEBUG"', '"INFO"', "", "development.json:2, base.json:1"],
        ["p.q", "1", "-", "only development", "development.json:2"],
        ["p.r", "-", "1", "only test", "test.json:1"],
    ] == shown
    assert () == settings_difference(left, left)


def test_secret_settings_are_hidden(tmp_path: Path) -> None:
    text = '{{"db": {{"password": "{0}", "url": "redis://:{0}@h/0"}}, "passwords": {{"x": "{0}"}}}}'
    left = settings(tmp_path, "development", text.format("a1b2c3"))
    right = settings(tmp_path, "test", text.format("d4e5f6"))
    found = settings_difference(left, right)
    assert ["db.password", "db.url", "passwords.x"] == [item.name for item in found]
    assert all(item.hidden for item in found)
    assert "a1b2c3" not in str(rows(found, LABELS, tmp_path))
