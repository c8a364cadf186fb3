"""Gates on what a Prometheus says: `[tool.tranship.gates.NAME]` with a query and thresholds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from ..errors import SettingsError, near
from ..settings import QueryGateSettings, Settings
from ..trials.names import mode_of
from ..trials.record import Trial
from .gate_syntax import NAMES, Gate, query_target

SOURCE = "prometheus"
"""The key of [tool.tranship.gates] that is no figure: the URL."""
_PLACEHOLDERS = ("mode", "project", "run", "range")
# A word alone in braces is no PromQL: labels have a relation, and `a{2}` in a pattern is a number.
_PLACEHOLDER = re.compile(r"\{\s*([A-Za-z_]\w*)\s*\}")


def query_gates(name: str, declared: QueryGateSettings, where: str) -> tuple[Gate, ...]:
    """Return a gate for each threshold on one query. `where` is file and table, for the message.

    Raises SettingsError for a name, a placeholder, a threshold or a unit that is none.
    """
    place = f'{where} "{name}"'
    if name in (*NAMES, SOURCE) or not name.strip() or set(name) & set("{}\n"):
        raise SettingsError(f"{place}: no name for a query. Take another, such as checkout-p95.")
    if not declared.query.strip():
        raise SettingsError(f"{place}: the query is empty.")
    for word in _PLACEHOLDER.findall(declared.query):
        if word not in _PLACEHOLDERS:
            raise SettingsError(
                f"{place}: unknown placeholder {{{word}}}{near(word, _PLACEHOLDERS)}. "
                f"Placeholders: {', '.join(f'{{{it}}}' for it in _PLACEHOLDERS)}."
            )
    texts = declared.threshold
    texts = (texts,) if isinstance(texts, str) else texts
    if not texts:
        raise SettingsError(f'{place}: give it a threshold, such as "ratio < 1.5".')
    found = [query_target(text.strip(), place) for text in texts]
    units = sorted({unit for target, unit in found if target.of == "candidate"})
    if len(units) > 1:
        raise SettingsError(f"{place}: its thresholds are in {' and in '.join(units)}.")
    gate = Gate("", "", name, None, None, query=declared.query)
    return tuple(
        replace(gate, key=name, text=text, target=target, unit=units[0] if units else "number")
        for text, (target, _) in zip(texts, found, strict=True)
    )


def filled(query: str, run: Trial) -> str:
    """Return a query with the run's mode, project and id, and how long its suite took."""
    milliseconds = round((run.suite.seconds if run.suite else 0.0) * 1000)
    values = {
        # As its services are labelled: of a mode beside itself, both are.
        "mode": mode_of(run.mode),
        "project": run.project,
        "run": run.id,
        "range": f"{max(milliseconds, 1)}ms",
    }
    return _PLACEHOLDER.sub(lambda match: values[match[1]], query)


def names_run(query: str) -> bool:
    """Return whether a query asks for the series of one run, by a label."""
    return not {"project", "run"}.isdisjoint(_PLACEHOLDER.findall(query))


def queries_of(gates: Iterable[Gate]) -> tuple[str, ...]:
    """Return the queries of the gates, each once."""
    return tuple(dict.fromkeys(gate.query for gate in gates if gate.query))


def source_of(settings: Settings, option: str = "") -> str:
    """Return the URL of the Prometheus that the gates ask; the option wins. Empty: none is named.

    Raises SettingsError for what is no such URL; it is not repeated, since it may hold a password.
    """
    url = settings.gates.get(SOURCE, "")
    if option:
        where, url = "--prometheus", option
    else:
        where = f'{settings.root / "pyproject.toml"}: [tool.tranship.gates] "{SOURCE}"'
    if url == "" and SOURCE not in settings.gates:
        return ""
    if not isinstance(url, str) or any(_faults(url)):
        raise SettingsError(
            f"{where}: no URL of a Prometheus. Write it as http://127.0.0.1:9090, with name and "
            "password before the host (name:password@) where it asks for them."
        )
    return url


def _faults(url: str) -> Iterator[bool]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        yield True
        return
    yield parts.scheme not in ("http", "https") or not parts.hostname or port == 0
    yield bool(parts.query or parts.fragment)
    yield not url.isascii() or not url.isprintable() or " " in url
