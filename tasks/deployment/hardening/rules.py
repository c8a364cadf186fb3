"""The rules: what each adds to one service, where the compose files do not have it already."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from ...settings import HardenSettings
from .known import needs_of
from .model import Facts, Line, Reset

MIB = 1024 * 1024
_LEAST_MEMORY = 64
Rule = Callable[[Facts, HardenSettings], Iterator[Line | str]]


def privileges(facts: Facts, _settings: HardenSettings) -> Iterator[Line | str]:
    """No process gets more rights than it was started with."""
    given = [str(item) for item in facts.body.get("security_opt") or ()]
    if not any(item.startswith("no-new-privileges") for item in given):
        yield _line(
            facts,
            "security_opt",
            ["no-new-privileges:true"],
            "no setuid program gives a process more rights than it has",
        )


def capabilities(facts: Facts, _settings: HardenSettings) -> Iterator[Line | str]:
    """All capabilities are dropped, and those added back that are known or proved to be needed."""
    body = facts.body
    if body.get("privileged"):
        yield "privileged: no capability can be dropped. Take `privileged` away first."
        return
    if "ALL" in (body.get("cap_drop") or ()):
        return
    added: tuple[str, ...] = ()
    why = f"it runs as {facts.user}, whom no capability reaches"
    if facts.is_root:
        known = needs_of(body.get("image"))
        if known is None and facts.writes is None:
            yield "starts as root, and nobody knows what it needs: capabilities left. Try --prove."
            return
        added = known.capabilities if known is not None and facts.writes is None else ()
        why = known.why if known is not None else ""
        if added and body.get("init") and known is not None and known.hands_over:
            added = (*added, "KILL")
            why = f"{why}, to whom its init hands signals on"
    yield _line(facts, "cap_drop", ["ALL"], why if not added else "all that are not added below")
    missing = [item for item in added if item not in (body.get("cap_add") or ())]
    if missing:
        yield _line(facts, "cap_add", missing, why)


def root_folder(facts: Facts, _settings: HardenSettings) -> Iterator[Line | str]:
    """Make the root read-only, with a tmpfs for what is known or seen to be written."""
    if facts.body.get("read_only"):
        return
    if facts.shadowed:
        yield (
            f"writes to {', '.join(facts.shadowed)}, which a tmpfs would hide: root left "
            "writable. Give it a volume there."
        )
        return
    known = needs_of(facts.body.get("image"))
    writes = facts.writes if facts.writes is not None else known.writes if known else None
    if writes is None:
        yield "nobody knows where it writes: root left writable. Try --prove."
        return
    yield _line(facts, "read_only", True, "nobody changes its programs while it runs")
    given = {str(item).partition(":")[0] for item in facts.body.get("tmpfs") or ()}
    given |= {str(mount.get("target")) for mount in facts.body.get("volumes") or ()}
    missing = [path for path in writes if path not in given]
    if missing:
        yield _line(facts, "tmpfs", missing, "what it writes outside its volumes")


def limits(facts: Facts, settings: HardenSettings) -> Iterator[Line | str]:
    """Memory from what it used, CPU and processes from the settings."""
    body = facts.body
    given = (((body.get("deploy") or {}).get("resources") or {}).get("limits")) or {}
    at = ("deploy", "resources", "limits")
    if not (given.get("memory") or body.get("mem_limit")):
        if facts.memory_peak is None:
            yield "no record of its memory: no limit. Run `nox -s docker` and harden again."
        else:
            wanted = max(_LEAST_MEMORY, facts.memory_peak * settings.memory_factor / MIB)
            rounded = 2 ** math.ceil(math.log2(wanted))
            peak = f"{facts.memory_peak / MIB:.0f} MiB"
            yield Line(
                facts.name,
                (*at, "memory"),
                f"{rounded}M",
                f"{settings.memory_factor:g} times its peak of {peak} on record, rounded up",
            )
    if not (given.get("cpus") or body.get("cpus")):
        yield Line(
            facts.name, (*at, "cpus"), f"{settings.cpus:g}", "a busy loop slows no other down"
        )
    if not (given.get("pids") or body.get("pids_limit")):
        yield Line(facts.name, (*at, "pids"), settings.pids, "a fork bomb ends in its container")


def logs(facts: Facts, _settings: HardenSettings) -> Iterator[Line | str]:
    """Rotate the logs."""
    logging = facts.body.get("logging") or {}
    driver = logging.get("driver") or "json-file"
    if driver == "json-file" and "max-size" not in (logging.get("options") or {}):
        value = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
        yield _line(facts, "logging", value, "else every line stays until the disk is full")


def lifecycle(facts: Facts, _settings: HardenSettings) -> Iterator[Line | str]:
    """Restart it after a crash, reap its orphans, and look at its health at a quick pace."""
    body = facts.body
    if not facts.oneshot and body.get("restart") in (None, "no"):
        yield _line(facts, "restart", "unless-stopped", "after a crash or a reboot it comes back")
    known = needs_of(body.get("image")) if facts.is_root else None
    if "init" not in body and known is not None and known.hands_over:
        yield "becomes another user, whom an init could not tell to stop: no init"
    elif "init" not in body:
        yield _line(facts, "init", True, "process 1 reaps orphans and hands signals on")
    check = body.get("healthcheck") or {}
    if check.get("test") and not check.get("disable") and "start_interval" not in check:
        if "start_period" not in check:
            reason = "start_interval counts in it alone"
            yield Line(facts.name, ("healthcheck", "start_period"), "60s", reason)
        reason = "others that wait for it start at once"
        yield Line(facts.name, ("healthcheck", "start_interval"), "1s", reason)


def secret_files(facts: Facts, settings: HardenSettings) -> Iterator[Line | str]:
    """Passwords are files where the image reads NAME_FILE, or the user says that it does."""
    known = needs_of(facts.body.get("image"))
    names = {*(known.secret_files if known else ())}
    names |= {
        entry.partition(":")[2] for entry in settings.secret_files if _is_of(entry, facts.name)
    }
    environment = facts.body.get("environment") or {}
    for name in sorted(names):
        if f"{name}_FILE" in environment:
            continue
        if name not in facts.mapped:
            if environment.get(name) is not None:
                yield (
                    f"{name} stands in the compose files, where everyone reads it: left. Give "
                    "it by envs/mapping.toml and a private layer."
                )
            continue
        secret = secret_name(facts.name, name)
        reason = "no `docker inspect` and no child process shows it"
        yield Line(facts.name, ("environment", f"{name}_FILE"), f"/run/secrets/{secret}", reason)
        yield Line(facts.name, ("secrets",), [secret], reason)


def _is_of(entry: str, service: str) -> bool:
    return entry.partition(":")[0] == service


def secret_name(service: str, variable: str) -> str:
    """Return how the compose file calls the secret of a variable."""
    return f"{service}-{variable.lower().replace('_', '-')}"


def published(facts: Facts, proxies: frozenset[str]) -> Iterator[Line | str]:
    """Only what is meant for the outside is published."""
    if facts.body.get("ports") and facts.name not in proxies:
        reason = f"published are {', '.join(sorted(proxies))}; others reach it by name"
        yield _line(facts, "ports", Reset(), reason)
        targets = [str(port["target"]) for port in facts.body["ports"]]
        known = {str(port) for port in facts.body.get("expose") or ()}
        missing = [target for target in dict.fromkeys(targets) if target not in known]
        if missing:
            yield _line(facts, "expose", missing, "what others dial it on")


RULES: tuple[Rule, ...] = (
    privileges,
    capabilities,
    root_folder,
    limits,
    logs,
    lifecycle,
    secret_files,
)


def _line(facts: Facts, key: str, value: Any, reason: str) -> Line:
    return Line(facts.name, (key,), value, reason)
