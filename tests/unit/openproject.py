"""A small project in a folder, with every kind of secret that a project may hold."""

from __future__ import annotations

from pathlib import Path

from tranship import settings as settings_module
from tranship.envmap.project import Project, open_project

SECRETS = (
    "geheim-literal",
    "geheim-setting",
    "geheim-private",
    "geheim-lost",
    "geheim-url",
    "geheim-default",
    "geheim-dotenv",
    "geheim-envfile",
    "geheim-dsn",
    "geheim-value",
    "geheim-part",
)
"""Each stands somewhere in the files below, and no command may show one of them."""

COMPOSE = """\
name: small
services:
  db:
    image: postgres:17
    ports: ["15432:5432"]
    environment:
      POSTGRES_PASSWORD: geheim-literal
    x-tranship: {local: {server: postgres}, health: {postgres: true}}
  api:
    image: api
    env_file: api.env
    environment:
      DB_URL: postgresql://u:geheim-url@db:5432/x
      OTHER_URL: "http://u:${URL_PW:-geheim-default}@db:5432"
      DOTENV_TOKEN: "a-${DOTENV_TOKEN}-geheim-part"
      OPTIONS: "--requirepass ${DB_PASSWORD:-geheim-default} --port 1"
      DSN: host=db port=5432 password=geheim-dsn
      LEVEL: "${LEVEL:-info}"
      PLAIN: plain
    depends_on: [db]
    x-tranship: {local: {command: run}}
  tests:
    image: tests
    profiles: [test]
    environment: {DB_HOST: db, DB_PORT: "5432"}
    depends_on: {api: {condition: service_started}}
"""
MAPPING = """\
[services.api]
API_TOKEN = "{admin.token}"
SECRET_KEY = "geheim-part-{level}"
QUEUE_URL = "amqp://{level}:{queue.pw|url}@{db}/"
WORD_SECRET = "{innocent.word}"
PLAIN_LEVEL = "{level}"
AT = "{db}"
"""


class Folder:
    """The project's files, to be changed before it is opened."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "envs").mkdir(parents=True)
        self.write("pyproject.toml", '[tool.tranship]\n[tool.tranship.suite]\nservice = "tests"\n')
        self.write("compose.yaml", COMPOSE)
        self.write(".env", "DOTENV_TOKEN=geheim-dotenv\nDB_PASSWORD=geheim-dotenv\n")
        self.write("api.env", "FILE_TOKEN=geheim-envfile\nPLAIN=lost\n")
        self.write(
            "envs/base.json",
            '{"admin": {"token": "geheim-lost"}, "level": "info",\n'
            '"queue": {"pw": "geheim-value"}, "innocent": {"word": "geheim-value"},\n'
            '"passwords": {"somebody": "geheim-setting"}}\n',
        )
        self.write("envs/development.json", '{"admin":\n{"token": "geheim-setting"}}\n')
        self.write("envs/development.secrets.json", '{"admin": {"token": "geheim-private"}}\n')
        self.write("envs/production.json", '{"level": "warning"}\n')
        self.write("envs/docker.json", '{"level": "debug"}\n')
        self.write("envs/mapping.toml", MAPPING)

    def write(self, name: str, content: str | bytes) -> None:
        path = self.root / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8")

    def open(self, environment: str = "development") -> Project:
        return open_project(settings_module.load(self.root).in_environment(environment))

    def files(self) -> set[Path]:
        return {path for path in self.root.rglob("*") if path.is_file()}
