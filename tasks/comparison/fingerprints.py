"""What the suite saw differently on the two sides, the most suspicious first.

How suspicious a row is comes from what it is, never from the project: a time zone that
differs breaks tests, a host name that differs is what a placement does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

EXPECTED = 10
"""Suspicion up to which a difference is what the placement itself makes."""


@dataclass(frozen=True)
class Difference:
    """One thing that the suite saw differently; None where a side does not say."""

    key: str
    baseline: str | None
    candidate: str | None
    suspicion: int
    """From 0, which the placement explains, to 100, which breaks most suites."""
    why: str

    @property
    def expected(self) -> bool:
        """Whether the placement itself makes it."""
        return self.suspicion <= EXPECTED


Judged = tuple[int, str]

# Read from the top: the first pattern that is the whole key decides.
_RULES: tuple[tuple[str, int, str], ...] = (
    ("error:.*", 40, "a part of the fingerprint could be read on one side only"),
    ("hostname|python_executable|python_path|pytest_rootdir", 2, "the placement's own"),
    ("cwd|tmp|home|kernel|env:(PWD|OLDPWD|HOSTNAME|_|SHLVL|TERM)", 5, "the placement's own"),
    ("env:TRANSHIP_RUN", 2, "the placement's own"),
    ("env:(PATH|PYTHONPATH|VIRTUAL_ENV|HOME|USER|LOGNAME|SHELL)", 10, "the placement's own"),
    ("env:(PYTHON_VERSION|PYTHON_SHA256|GPG_KEY|PYTHON_PIP_VERSION)", 8, "the base image's own"),
    ("date", 96, "one clock is set to another day"),
    ("tz|tz_names|utc_offset|env:TZ", 92, "local times read differently"),
    ("localtime", 25, "the system's time zone is another file"),
    ("tz_database", 75, "named zones may be missing"),
    ("collation", 90, "text sorts differently"),
    ("locale.*|number_format|date_format|env:(LANG|LANGUAGE|LC_.*)", 84, "text formats differ"),
    ("encoding.*|utf8_mode|env:PYTHON(UTF8|IOENCODING)", 86, "files are read by another encoding"),
    ("case_sensitive_.*", 90, "one file system takes two cases of a name for one"),
    ("read_only_.*", 88, "a file system cannot be written"),
    ("writable_.*", 82, "a folder may not be written"),
    ("noexec_.*", 60, "files there may not be executed"),
    ("uid|gid|user", 76, "rights on files and ports depend on the user"),
    ("umask", 74, "new files get other rights"),
    ("capabilities", 40, "what root may do"),
    ("groups|seccomp|signals_ignored|pid_1", 30, "what a process may do"),
    ("cpus|cpus_usable|cpu_quota", 72, "pools and workers are sized by it"),
    ("memory_limit", 74, "a process is killed at it"),
    ("memory_total", 30, "caches are sized by it"),
    ("shared_memory", 58, "a container gets 64 MiB unless it is told"),
    ("limit_(nofile|as|nproc|fsize)|pids_limit", 62, "calls fail at it"),
    ("limit_.*", 25, "a limit that few suites reach"),
    ("dns:localhost|ipv6", 60, "localhost is another address"),
    ("dns:.*", 15, "names of the stack resolve in containers only"),
    ("dns_search", 12, "the engine's own resolver"),
    ("ports_from", 45, "who may listen below port 1024"),
    ("hash_seed|env:PYTHONHASHSEED", 55, "the order of sets changes with it"),
    ("python_flags|env:PYTHONOPTIMIZE", 70, "the interpreter runs in another manner"),
    ("python_gil", 85, "threads run side by side"),
    ("implementation|machine|byteorder", 85, "another machine or another Python"),
    ("python_(build|config)", 45, "another build of Python: speed and optional modules"),
    ("pytest_plugins", 78, "plugins change how tests run"),
    ("pytest_config", 80, "pytest is configured differently"),
    ("fs_.*", 20, "the placement's own file system"),
    ("os|clock", 15, "the base image's own"),
    ("zlib", 35, "compressed bytes may differ"),
)
_TOOLS = re.compile(r"package:(pip|setuptools|wheel|uv|nox|virtualenv|tranship|coverage|ruff|mypy)")
_VERSIONED = {"python": 94, "openssl": 66, "sqlite": 64, "libc": 62}
_URL = re.compile(r"(://(?:[^/@\s]*@)?)[\w.*-]+(?::\d+)?")
_HOST_PORT = re.compile(
    r"(?<![\w.])(?!sha256:)(?:[A-Za-z][\w.-]*|\d+\.\d+\.\d+\.\d+|\[[\da-f:]+\]):\d+\b"
)
_ADDRESS_NAME = re.compile(r"(^|_)(HOST|HOSTNAME|PORT|ADDR|ADDRESS)S?$")


def differences(
    baseline: Mapping[str, str], candidate: Mapping[str, str]
) -> tuple[Difference, ...]:
    """Return what differs, the most suspicious first and what a placement explains last.

    Nothing where a side has no fingerprint: what is unknown is no difference. Beside a record
    of an older version, which knows less, only what both know is compared.
    """
    if not baseline or not candidate:
        return ()
    older = _knows_variables(baseline) != _knows_variables(candidate)
    known = {*baseline} & {*candidate} if older else {*baseline, *candidate}
    found = [
        Difference(key, left, right, *_judged(key, left, right))
        for key in known
        if (left := baseline.get(key)) != (right := candidate.get(key))
    ]
    return tuple(sorted(found, key=lambda it: (-it.suspicion, it.key)))


def _knows_variables(fingerprint: Mapping[str, str]) -> bool:
    return any(key.startswith("env:") for key in fingerprint)


def _judged(key: str, left: str | None, right: str | None) -> Judged:
    if key in _VERSIONED:
        return _version(left, right, _VERSIONED[key])
    if "unknown" in (left, right) and key.startswith("case_sensitive"):
        return 9, "one folder is empty, which tells nothing"
    for pattern, suspicion, why in _RULES:
        if re.fullmatch(pattern, key):
            return suspicion, why
    if key.startswith("package:"):
        return _package(key, left, right)
    return _variable(key, left, right) if key.startswith("env:") else (30, "")


def _version(left: str | None, right: str | None, most: int) -> Judged:
    """Judge two versions: less and less suspicious from the first number to the last."""
    if left is None or right is None:
        return most, "on one side only"
    ours, theirs = ([*re.findall(r"\d+", text), "", ""] for text in (left, right))
    if re.sub(r"[\d.]+.*", "", left) != re.sub(r"[\d.]+.*", "", right):
        return most, "another kind altogether"
    if ours[0] != theirs[0]:
        return most, "another major version"
    if ours[1] != theirs[1]:
        return most - 4, "another minor version"
    return most - 30, "another patch version"


def _package(key: str, left: str | None, right: str | None) -> Judged:
    if _TOOLS.fullmatch(key):
        return 6, "a tool that a suite does not import"
    if left is None or right is None:
        return 58, "installed on one side only"
    return _version(left, right, 80)


def _variable(key: str, left: str | None, right: str | None) -> Judged:
    name = key.partition(":")[2]
    if left is None or right is None:
        own = re.fullmatch(r"(PYTHON|PIP|UV|NOX|COVERAGE|COV|TRANSHIP|PG)_?\w*", name)
        return (18, "a tool's variable") if own else (68, "set on one side only")
    cut = _cut(left, right)
    if cut:
        return 93, cut
    if _without_addresses(name, left) == _without_addresses(name, right):
        return EXPECTED, "only the address differs, as the placement says"
    if left.startswith("sha256:") and right.startswith("sha256:"):
        return 79, "the secret is another one"
    if left.strip("\"' \t\r\n") == right.strip("\"' \t\r\n"):
        return 88, "quotes or blanks around the value"
    return 64, "the value is another one"


def _cut(left: str, right: str) -> str:
    """Say how one value is the other one's beginning, as Compose and dotenv files cut them."""
    short, long = sorted((left, right), key=len)
    rest = long[len(short) :]
    if not long.startswith(short):
        # `corr3ct$battery!` becomes `corr3ct!` where `$battery` is a variable nobody set.
        unset = re.sub(r"\$(?:\w+|\{\w+\})", "", long)
        return "what follows `$` was taken for a variable" if unset == short != long else ""
    marks: Mapping[str, str] = {"$": "`$`", "#": "`#`", "=": "`=`"}
    mark = marks.get(rest.lstrip()[:1])
    if mark is not None:
        return f"cut at {mark}"
    if not short:
        return "empty on one side"
    return "cut at a blank" if rest[:1].isspace() and rest.strip() else ""


_SHAPES: tuple[Callable[[str], str], ...] = (
    lambda value: _URL.sub(r"\1<address>", value),
    lambda value: _HOST_PORT.sub("<address>", value),
    lambda value: re.sub(r"\b\d+\.\d+\.\d+\.\d+\b|\blocalhost\b", "<address>", value),
)


def _without_addresses(name: str, value: str) -> str:
    if value and _ADDRESS_NAME.search(name):
        return "<address>"
    for shape in _SHAPES:
        value = shape(value)
    return value
