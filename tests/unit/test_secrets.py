from __future__ import annotations

from typing import Any

import pytest
from tranship.envmap.secrets import (
    MASK,
    is_secret,
    mask_document,
    mask_text,
    mask_value,
    secrets_in,
)


@pytest.mark.parametrize(
    "name",
    [
        "PASSWORD",
        "POSTGRES_PASSWORD",
        "PGPASSWORD",
        "dbPassword",
        "DB_PASS",
        "DBPASS",
        "PASS_WORD",
        "MYSQL_PWD",
        "SSL_PASSPHRASE",
        "SECRET_KEY",
        "EXIT_TOKEN",
        "API_KEY",
        "APIKEY",
        "PRIVATE_KEY",
        "AWS_ACCESS_KEY_ID",
        "JWT_KEY",
        "ENCRYPTION_KEY",
        "GOOGLE_CREDENTIALS",
        "REDISCLI_AUTH",
        "REDIS_AUTH",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "POSTGRES_PASSWORD_FILE",
        "REDIS_KEY_PREFIX",
        "PATH",
        "PWD",
        "OLDPWD",
        "BYPASS_CACHE",
        "COMPASS_URL",
        "PASSENGER_COUNT",
        "POSTGRES_USER",
        "AUTHOR",
    ],
)
def test_names_of_what_is_no_secret(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PASSWORD", "geheim", MASK),
        ("PASSWORD", "", ""),
        ("URL", "postgresql://u:geheim@db:5432/x", f"postgresql://u:{MASK}@db:5432/x"),
        ("URL", "redis://:geheim@redis", f"redis://:{MASK}@redis"),
        ("URL", "http://u:a@http://v:b@h", f"http://u:{MASK}@http://v:{MASK}@h"),
        ("URL", "postgres://u:ge@heim@db/x", f"postgres://u:{MASK}@db/x"),
        ("URL", "http://user@host:80/a:b@c", "http://user@host:80/a:b@c"),
        ("URL", "http://host:80", "http://host:80"),
        ("LEVEL", "debug", "debug"),
    ],
)
def test_a_value_as_it_may_be_shown(name: str, value: str, expected: str) -> None:
    assert expected == mask_value(name, value)


def test_the_secrets_of_environments() -> None:
    environments = [
        {"PASSWORD": "one", "EMPTY_SECRET": "", "NONE_SECRET": None, "LEVEL": "debug"},
        {"URL": "http://u:two@h,http://:three@g", "TOKEN": "four"},
    ]

    assert {"one", "two", "three", "four"} == secrets_in(environments)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the geheim word geheimer", f"the {MASK} word {MASK}"),
        ("short: abc", "short: abc"),
        ("http://x:unknown@h", f"http://x:{MASK}@h"),
        ('"http://h:80","mail":"a@b"', '"http://h:80","mail":"a@b"'),
        ("nothing", "nothing"),
    ],
)
def test_known_secrets_are_hidden_in_text(text: str, expected: str) -> None:
    assert expected == mask_text(text, ["geheim", "geheimer", "abc"])


def test_a_document_shows_no_secret_wherever_it_stands() -> None:
    document: dict[str, Any] = {
        "services": {
            "redis": {
                "command": ["redis-server", "--requirepass", "open sesame", "--port", "6379"],
                "healthcheck": {"test": ["CMD-SHELL", "redis-cli -a 'open sesame' ping"]},
                "environment": {"REDIS_PASSWORD": "pw", "LEVEL": "debug", "SECRET_NUMBER": 12345},
                "ports": [{"target": 6379}],
            },
            "api": {
                "command": "serve --token=tok3n-value --verbose",
                "environment": {"REDIS_URL": "redis://:open sesame@redis", "NONE_TOKEN": None},
                "build": {"args": {"PIP_INDEX_URL": "https://u:geheim@pypi"}},
            },
            "short": {"command": ["x", "--password", "pw"]},
        },
        "x-note": "known elsewhere: from-environment",
    }

    shown = mask_document(document, secrets=frozenset({"from-environment"}))

    text = str(shown)
    hidden = ["sesame", "tok3n-value", "geheim", "from-environment", "'pw'", "12345"]
    assert [] == [secret for secret in hidden if secret in text]
    assert ["redis-server", "--requirepass", MASK, "--port", "6379"] == (
        shown["services"]["redis"]["command"]
    )
    assert f"serve --token={MASK} --verbose" == shown["services"]["api"]["command"]
    assert {"REDIS_PASSWORD": MASK, "LEVEL": "debug", "SECRET_NUMBER": MASK} == (
        shown["services"]["redis"]["environment"]
    )
    assert shown["services"]["api"]["environment"]["NONE_TOKEN"] is None
    assert [{"target": 6379}] == shown["services"]["redis"]["ports"]
    assert "open sesame" == document["services"]["redis"]["command"][2], "a copy is masked"


def test_a_password_that_is_a_users_name_is_hidden_where_it_stands_and_no_more() -> None:
    environment = {
        "POSTGRES_PASSWORD": "athena",
        "POSTGRES_USER": "athena",
        "POSTGRES_DB": "athena",
        "DATABASE_URL": "postgresql://athena:athena@postgres/athena",
        "OTHER_PASSWORD": "geheim",
    }
    secrets = secrets_in([environment])

    document = {
        "name": "athena",
        "environment": environment,
        "command": ["redis-server", "--requirepass", "athena"],
        "secrets": ["pip", "ca"],
    }
    shown = mask_document(document, secrets=secrets)

    assert {"geheim"} == secrets
    assert {
        "name": "athena",
        "environment": {
            "POSTGRES_PASSWORD": MASK,
            "POSTGRES_USER": "athena",
            "POSTGRES_DB": "athena",
            "DATABASE_URL": f"postgresql://athena:{MASK}@postgres/athena",
            "OTHER_PASSWORD": MASK,
        },
        "command": ["redis-server", "--requirepass", MASK],
        "secrets": ["pip", "ca"],
    } == shown
