from __future__ import annotations

from pathlib import Path

import pytest
from lintedproject import Linted, one


@pytest.fixture
def project(tmp_path: Path) -> Linted:
    return Linted(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("DB_PASSWORD", "hunter2x", "error"),
        ("PGPASSWORD", "hunter2x", "error"),
        ("REDISCLI_AUTH", "hunter2x", "error"),
        ("JWT_SECRET_KEY", "d41d8cd98f", "error"),
        ("AWS_SECRET_ACCESS_KEY", "wJalr", "error"),
        ("GITHUB_TOKEN", "ghp_abc", "error"),
        ("API_KEY", "12345", "error"),
        ("REDIS_PASSWORD_2", "hunter2x", "error"),
        ("DB_PASSWORD", "corr3ct$battery", "error"),
        ("DATABASE_URL", "postgresql://u:hunter2x@postgres/x", "error"),
        ("CACHE", "redis://:hunter2x@redis:6379/0", "error"),
        ("DB_PASSWORD", "postgres", "warning"),
        ("DB_PASSWORD", "changeme", "warning"),
        ("DB_PASSWORD", "shop", "warning"),  # the project's own name
        ("DB_PASSWORD", "${DB_PASSWORD:-hunter2x}", "warning"),
        ("DATABASE_URL", "postgresql://u:${PW:-hunter2x}@postgres/x", "warning"),
        ("DB_PASSWORD", "${DB_PASSWORD}", None),
        ("DB_PASSWORD", "${DB_PASSWORD:?set it}", None),
        ("DB_PASSWORD", "${DB_PASSWORD:-}", None),
        ("DB_PASSWORD", "${DB_PASSWORD:-${OTHER}}", None),
        ("DB_PASSWORD", "", None),
        ("DATABASE_URL", "postgresql://u:${PW}@postgres/x", None),
        ("DATABASE_URL", "postgresql://u@postgres/x", None),
        ("DB_PASSWORD_FILE", "/run/secrets/db", None),
        ("SSL_PRIVATE_KEY", "/etc/ssl/key.pem", None),
        ("OAUTH_TOKEN_URL", "https://idp/token", None),
        ("TOKEN_TTL", "3600", None),
        ("PASSWORD_MIN_LENGTH", "8", None),
        ("MAX_TOKENS", "4096", None),
        ("SECRET_NAME", "db-credentials", None),
        ("REQUIRE_PASSWORD", "yes", None),
        ("USE_TOKEN", "cookie", None),
        ("NEXT_PUBLIC_API_KEY", "pk_live", None),
        ("AUTHORIZATION_TOKEN", "Bearer ${TOKEN}", None),
        ("LOG_LEVEL", "debug", None),
        ("KEY_PREFIX", "shop", None),
    ],
)
def test_in_a_compose_file(project: Linted, name: str, text: str, expected: str | None) -> None:
    project.shell |= {"DB_PASSWORD": "x", "PW": "x", "OTHER": "x", "TOKEN": "x", "battery": "x"}
    project.write("compose.yaml", one({name: text}), tracked=True)
    wanted = [(expected, "api", name)] if expected else []
    assert wanted == project.found("TE009")
    for finding in project.findings():
        assert "hunter2x" not in finding.message + finding.mend


def test_a_file_that_git_does_not_track(project: Linted) -> None:
    project.write(".env", "PW=hunter2x\n")
    project.write("app.env", "DB_PASSWORD=hunter2x\n")
    project.write("compose.yaml", one({"A": "${PW}", "B_TOKEN": "abc"}, env_file=["app.env"]))
    assert [] == project.found("TE009")


def test_env_files(project: Linted) -> None:
    project.write(".env", "A=1\nDB_PASSWORD=hunter2x\n", tracked=True)
    project.write("app.env", "API_TOKEN='hunter2x'\n", tracked=True)
    body = {"URL": "postgresql://u:${DB_PASSWORD}@postgres/x", "A": "${A}"}
    project.write("compose.yaml", one(body, env_file=["app.env"]))
    assert [("error", None, "DB_PASSWORD"), ("error", "api", "API_TOKEN")] == project.found("TE009")
    origins = [item.origin for item in project.findings() if item.rule == "TE009"]
    assert [".env:2", "app.env:1"] == [item.shown(project.root) for item in origins if item]


def test_one_place_is_told_once(project: Linted) -> None:
    project.write("app.env", "API_TOKEN=hunter2x\n", tracked=True)
    project.write(
        "compose.yaml",
        "services:\n  a: {image: a, env_file: [app.env]}\n  b: {image: b, env_file: [app.env]}\n",
    )
    assert [("error", "a", "API_TOKEN")] == project.found("TE009")


def test_layers_of_every_environment(project: Linted) -> None:
    project.write("compose.yaml", one({}))
    project.write("envs/base.json", '{"db": {"password": null, "port": 1}}', tracked=True)
    project.write("envs/production.json", '{\n"db": {\n"password": "hunter2x"}}', tracked=True)
    project.write("envs/development.json", '{"db": {"password": "athing"}}', tracked=True)
    project.write("envs/staging.json", '{"db": {"password": "hunter2x"}}')  # not tracked
    project.write("envs/broken.json", "{", tracked=True)
    assert [
        ("error", None, "db.password"),
        ("warning", None, "db.password"),
    ] == project.found("TE009")
    first = next(item for item in project.findings() if item.rule == "TE009")
    assert first.origin is not None
    assert "envs/production.json:3" == first.origin.shown(project.root)


def test_secrets_in_lists_and_urls_of_layers(project: Linted) -> None:
    project.write("compose.yaml", one({}))
    project.write(
        "envs/base.json",
        '{"api_keys": ["a"], "db": {"url": "postgresql://u:hunter2x@h/x"}, "token_ttl": 5}',
        tracked=True,
    )
    project.write("envs/development.json", "{}")
    assert [("error", None, "db.url")] == project.found("TE009")


def test_the_mapping(project: Linted) -> None:
    project.write("compose.yaml", one({}))
    project.write("envs/development.json", '{"db": {"password": "x"}}')
    project.write(
        "envs/mapping.toml",
        "[services.api]\n"
        'DB_PASSWORD = "{db.password}"\n'
        'URL = "postgresql://u:{db.password|url}@{postgres}/x"\n'
        'OTHER_URL = "postgresql://u:hunter2x@{postgres}/x"\n'
        '[services."*"]\n'
        'API_TOKEN = "hunter2x"\n'
        "[interpolate]\n"
        'REDIS_PASSWORD = "{db.password}"\n'
        'OTHER_PASSWORD = "hunter2x"\n',
        tracked=True,
    )
    assert [
        ("error", None, "API_TOKEN"),
        ("error", None, "OTHER_PASSWORD"),
        ("error", "api", "OTHER_URL"),
    ] == project.found("TE009")
