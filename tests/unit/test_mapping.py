"""The written mapping: what its file says, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from envmaps import Envs, stack_with
from tranship.envmap.mapping import Mapping, interpolation_of, load
from tranship.errors import SettingsError

WHOLE = """\
[names]
data_manager = "data-service"

[services."*"]
LOG_LEVEL = "{logging.level}"

[services."api, data_manager"]
DATABASE_URL = "postgresql://{database.user}@{postgres}/{database.name}"

[services.api]
LOG_LEVEL = "DEBUG"
RETRIES = 3
RATIO = 0.5
DEBUG = true

[interpolate]
REDIS_PASSWORD = "{redis.password}"

[infer]
exclude = ["REDIS_KEY_PREFIX", "api.CACHE_HOST", "rule:bare host"]
"""


@pytest.fixture
def envs(tmp_path: Path) -> Envs:
    return Envs(tmp_path)


def loaded(envs: Envs, text: str) -> Mapping:
    return load(envs.mapping(text), stack_with())


def refused(envs: Envs, text: str) -> str:
    path = envs.mapping(text)
    with pytest.raises(SettingsError) as raised:
        load(path, stack_with())
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def test_what_each_section_says(envs: Envs) -> None:
    found = loaded(envs, WHOLE)

    assert {"data_manager": "data-service"} == found.names
    assert {"*", "api", "data-service"} == set(found.rules)
    assert {
        "LOG_LEVEL": ("DEBUG", 11),
        "DATABASE_URL": ("postgresql://{database.user}@{postgres}/{database.name}", 8),
        "RETRIES": ("3", 12),
        "RATIO": ("0.5", 13),
        "DEBUG": ("true", 14),
    } == {
        name: (item.template.text, item.origin.line) for name, item in found.written("api").items()
    }
    assert {"LOG_LEVEL", "DATABASE_URL"} == set(found.written("data-service"))
    assert {"LOG_LEVEL"} == set(found.written("postgres"))
    assert "{logging.level}" == found.written("postgres")["LOG_LEVEL"].template.text


def test_names_are_spellings_of_services(envs: Envs) -> None:
    found = loaded(envs, WHOLE)

    assert "data-service" == found.service_of("data_manager")
    assert "anything" == found.service_of("anything")


def test_exclusion_by_variable_by_service_and_by_rule(envs: Envs) -> None:
    found = loaded(envs, WHOLE)

    assert found.excludes("api", "REDIS_KEY_PREFIX", "url")
    assert found.excludes("api", "CACHE_HOST", "url")
    assert not found.excludes("postgres", "CACHE_HOST", "url")
    assert found.excludes("postgres", "ANY", "bare host")
    assert not found.excludes("postgres", "ANY", "url")


def test_no_file_is_an_empty_mapping(tmp_path: Path) -> None:
    assert Mapping() == load(tmp_path / "mapping.toml", stack_with())
    assert {} == interpolation_of(tmp_path / "mapping.toml")


def test_an_empty_file_and_a_byte_order_mark(envs: Envs) -> None:
    assert {} == loaded(envs, "").rules
    found = loaded(envs, '\ufeff[services.api]\nA = "1"\n')
    assert 2 == found.written("api")["A"].origin.line


def test_interpolation_needs_no_stack(envs: Envs) -> None:
    (found,) = interpolation_of(envs.mapping(WHOLE)).values()

    assert ("REDIS_PASSWORD", "{redis.password}", 17) == (
        found.variable,
        found.template.text,
        found.origin.line,
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[services]\napi.A = "1"\n', 2),
        ('[services]\n\napi = {A = "1"}\n', 3),
        ("[services.'api']\n\"A\" = '1'\n", 2),
        ('[ services . "api" ] # a comment\n  A="1"\n', 2),
        ('services.api.A = "1"\n', 1),
    ],
)
def test_other_spellings_of_toml(envs: Envs, text: str, line: int) -> None:
    found = loaded(envs, text).written("api")["A"]

    assert ("1", line) == (found.template.text, found.origin.line)


BAD = [
    (
        "[service.api]\nA = 1\n",
        ":1: unknown section [service] (did you mean 'services'?). "
        "Sections: names, services, interpolate, infer.",
    ),
    (
        "\n[services.data-servise]\nA = 1\n",
        ":2: [services.data-servise]: no such service (did you mean 'data-service'?).",
    ),
    (
        '[services."api, redys"]\nA = 1\n',
        ":1: [services.redys]: no such service (did you mean 'redis'?).",
    ),
    ("[services]\napii = {A = 1}\n", ":2: [services.apii]: no such service"),
    ("[services]\n\napii.A = 1\n", ":3: [services.apii]: no such service"),
    (
        '[names]\ndb = "postgre"\n',
        ":2: names.db: no service 'postgre' (did you mean 'postgres'?).",
    ),
    ("[names]\ndb = 1\n", ":2: names.db: no service 1"),
    ('[names]\napi = "redis"\n', ":2: names.api: that is a service of its own. Rename one."),
    (
        '[services.api]\nA = 1\n[services."redis, api"]\nB = 1\nA = 2\n',
        ":5: A of api has two values; the other stands on line 2. Remove one.",
    ),
    (
        '[names]\nfront = "api"\n[services.api]\nA = 1\n[services.front]\nA = 1\n',
        ":6: A of api has two values; the other stands on line 4. Remove one.",
    ),
    ("[services.api]\nA = 1\nA = 2\n", ": not valid TOML: Cannot overwrite a value (at line 3"),
    ("[services.api\n", ": not valid TOML: "),
    ('[services.api]\nA = "{"\n', ":2: A: a lone '{' at column 1"),
    ('[services.api]\nB = 1\nA = "{x|y}"\n', ":3: A: unknown filter 'y'; filters: url, json."),
    (
        "[services.api]\nA = [1]\n",
        ":2: services.api.A is a list; it must be a string, a number or a boolean.",
    ),
    ("[services.api]\nA = {b = 1}\n", ":2: services.api.A is an object"),
    ("[services.api]\nA = 2020-01-01\n", ":2: services.api.A is a date or time"),
    ("[services]\napi = 1\n", ":2: services.api must be a table."),
    ("names = 1\n", ":1: names must be a table."),
    ("[infer]\nexclud = []\n", ":2: [infer] has an unknown key 'exclud' (did you mean 'exclude'?)"),
    ('[infer]\nexclude = "A"\n', ":2: infer.exclude must be a list of strings"),
    ("[infer]\nexclude = [1]\n", ":2: infer.exclude must be a list of strings"),
    (
        '[infer]\nexclude = ["rule:bare hosts"]\n',
        ":2: infer.exclude: no rule 'bare hosts' (did you mean 'bare host'?). Rules: url, ",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_what_is_refused_names_file_line_and_key(envs: Envs, text: str, message: str) -> None:
    assert refused(envs, text).startswith(message)


def test_invalid_utf8_names_the_line(envs: Envs) -> None:
    path = envs.mapping("")
    path.write_bytes(b"[services.api]\nA = '\xff'\n")

    with pytest.raises(SettingsError) as raised:
        load(path, stack_with())

    assert f"{path}:2: not valid UTF-8. Save it as UTF-8." == str(raised.value)
