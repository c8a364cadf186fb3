"""The settings every service has; each service adds its own by a subclass.

They come from environment variables of the same name (`port` from `PORT`), so that the
service is configured in the same way as a local process and as a container.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Where the service listens and how it reports."""

    model_config = SettingsConfigDict(frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
    log_level: str = "INFO"
    reload: bool = False
    """Whether a change of the sources starts the service anew (development)."""
    exit_token: str | None = Field(default=None, min_length=8)
    """Who knows it may ask the process to exit, so that its supervisor starts a new one.
    Unset, there is no such endpoint."""

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Read what `NAME_FILE` names: a secret that is in no environment."""
        for name in cls.model_fields:
            path = os.environ.get(f"{name.upper()}_FILE")
            if path and name not in given:
                given[name] = Path(path).read_text(encoding="utf-8").rstrip("\n")
        return given


class PostgresSettings(ServiceSettings):
    """A service that reads or writes Postgres."""

    database_url: str


class RedisSettings(ServiceSettings):
    """A service that reads or writes Redis."""

    redis_url: str
