"""The settings every service has; each service adds its own by a subclass.

They come from environment variables of the same name (`port` from `PORT`), so that the
service is configured in the same way as a local process and as a container.
"""

from __future__ import annotations

from pydantic import Field
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


class PostgresSettings(ServiceSettings):
    """A service that reads or writes Postgres."""

    database_url: str


class RedisSettings(ServiceSettings):
    """A service that reads or writes Redis."""

    redis_url: str
