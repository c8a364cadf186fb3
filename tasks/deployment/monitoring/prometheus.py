"""Prometheus' HTTP API: what is asked, and its answers as values."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from ...errors import EnvironmentFailed, UsageError

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 30.0
_WRONG_QUERY = (400, 422)
"""bad_data and execution, the two that a query itself is to blame for."""


@dataclass(frozen=True)
class TargetState:
    """A target as Prometheus last saw it. `last_read` is RFC 3339, `seconds` what that took."""

    job: str
    service: str
    url: str
    health: str
    """up, down, or unknown: not read yet."""
    last_read: str
    seconds: float
    error: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Alert:
    """An alert that is pending or firing."""

    name: str
    state: str
    since: str
    labels: Mapping[str, str]
    summary: str


@dataclass(frozen=True)
class Rule:
    """A rule, and whether it could be evaluated: ok, err, or unknown: not yet."""

    name: str
    health: str
    error: str


@dataclass(frozen=True)
class Series:
    """The answer to a query for one set of labels: (seconds since the epoch, value)."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    def __str__(self) -> str:
        """Return the series as Prometheus writes it."""
        rest = {name: value for name, value in self.labels.items() if name != "__name__"}
        shown = ", ".join(f'{name}="{value}"' for name, value in sorted(rest.items()))
        name = self.labels.get("__name__", "")
        return f"{name}{{{shown}}}" if shown or not name else name


@dataclass(frozen=True)
class Answer:
    """The answer to a query, and Prometheus' own words of it."""

    series: tuple[Series, ...]
    raw: Mapping[str, Any]


class Prometheus:
    """One Prometheus; a context manager that keeps its connection.

    `url` may hold a name and a password; messages name it without. `silent` and `foreign` are
    the mends where nobody answers there, and where somebody else does.
    """

    def __init__(
        self,
        url: str,
        timeout: float = TIMEOUT_SECONDS,
        *,
        silent: str = "Start it: inv monitor.up",
        foreign: str = "See [tool.tranship.monitoring] port.",
    ) -> None:
        import httpx

        for noisy in ("httpx", "httpcore"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        self.url = url.rstrip("/")
        self.shown = shown(self.url)
        self._silent, self._foreign, self._timeout = silent, foreign, timeout
        # A proxy of the caller's shell must not answer for it; loading the CA bundle takes 20 ms.
        verify = self.url.startswith("https:")
        self._client: httpx.Client = httpx.Client(trust_env=False, verify=verify, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ready(self) -> bool:
        """Return whether it serves; no error where nobody listens."""
        import httpx

        try:
            return self._client.get(f"{self.url}/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def targets(self) -> tuple[TargetState, ...]:
        """Return what it reads, in the order of their names."""
        found = [
            TargetState(
                job=item["labels"].get("job", ""),
                service=item["labels"].get("service", ""),
                url=item["scrapeUrl"],
                health=item["health"],
                last_read=item["lastScrape"],
                seconds=float(item.get("lastScrapeDuration") or 0.0),
                error=item.get("lastError") or "",
                labels=item["labels"],
            )
            for item in self._data("targets", state="active")["activeTargets"]
        ]
        return tuple(sorted(found, key=lambda item: (item.service == "", item.service, item.job)))

    def alerts(self) -> tuple[Alert, ...]:
        """Return the alerts that are pending or firing, firing ones first."""
        found = [
            Alert(
                name=item["labels"].get("alertname", ""),
                state=item["state"],
                since=item["activeAt"],
                labels=item["labels"],
                summary=item["annotations"].get("summary", ""),
            )
            for item in self._data("alerts")["alerts"]
        ]
        return tuple(sorted(found, key=lambda item: (item.state, item.name, str(item.labels))))

    def rules(self) -> tuple[Rule, ...]:
        """Return the alerts' rules."""
        return tuple(
            Rule(item["name"], item["health"], item.get("lastError") or "")
            for group in self._data("rules")["groups"]
            for item in group["rules"]
        )

    def query(self, expression: str, at: float | None = None) -> Answer:
        """Return the value of a query now, or at a time (seconds since the epoch).

        Raises UsageError with Prometheus' own message where the query is wrong.
        """
        moment = {} if at is None else {"time": f"{at:.3f}"}
        return self._answer("query", query=expression, **moment)

    def query_range(self, expression: str, start: float, end: float, step: float) -> Answer:
        """Return the values of a query from `start` to `end`, each `step` seconds."""
        return self._answer(
            "query_range",
            query=expression,
            start=f"{start:.3f}",
            end=f"{end:.3f}",
            step=f"{step:.3f}",
        )

    def _got(self, url: str, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body; a body that only dribbles is late, whatever each read takes."""
        import httpx

        late, text = time.monotonic() + self._timeout, bytearray()
        with self._client.stream("GET", url, params=dict(parameters)) as answer:
            for part in answer.iter_bytes():
                text += part
                if time.monotonic() > late:
                    raise httpx.ReadTimeout("timed out")
            return answer.status_code, bytes(text)

    def _data(self, what: str, **parameters: str) -> Any:
        import httpx

        try:
            status, text = self._got(f"{self.url}/api/v1/{what}", parameters)
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise EnvironmentFailed(
                f"Prometheus at {self.shown} does not answer: {said}. {self._silent}"
            ) from error
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise EnvironmentFailed(
                f"{self.shown} is no Prometheus: HTTP {status} and no JSON. {self._foreign}"
            )
        if body.get("status") != "success":
            said = str(body.get("error") or f"HTTP {status}")
            if status in _WRONG_QUERY:
                raise UsageError(f"Prometheus: {said}")
            raise EnvironmentFailed(f"Prometheus at {self.shown}: {said}")
        return body.get("data")

    def _answer(self, what: str, **parameters: str) -> Answer:
        data = self._data(what, **parameters)
        try:
            return _answer(data)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise EnvironmentFailed(
                f"{self.shown} answers as no Prometheus does. {self._foreign}"
            ) from error


def shown(url: str) -> str:
    """Return a URL without its name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _answer(data: Mapping[str, Any]) -> Answer:
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return Answer((Series({}, (_point(result),)),), data)
    if kind == "string":
        return Answer((Series({"string": str(result[1])}, ()),), data)
    series = tuple(
        Series(
            item["metric"],
            tuple(_point(pair) for pair in item.get("values") or [item["value"]]),
        )
        for item in result
        if "values" in item or "value" in item  # a native histogram has neither
    )
    return Answer(series, data)


def _point(pair: Any) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])
