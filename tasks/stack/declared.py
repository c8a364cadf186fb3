"""Every place of the compose files that gives a service a variable, in Compose's order.

Measured on Compose 2.26 (compose-go 2.4.8):

* `environment` wins over every `env_file`, whichever file either stands in; among either, the
  later one wins, and a repeated env_file keeps its first place;
* `environment: [V]` takes V from the shell, else from Compose's env files; where neither
  has it, the variable is left out, and an env_file's value with it;
* `!override` forgets what earlier files said; `!reset` on one variable forgets it too, but
  only while a single earlier file has an `environment`, and in mapping form.

`extends` is followed; `include` is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import ComposeFileError, near
from .envfiles import Chains, EnvFile
from .interpolation import Given, Use, interpolate, use_of
from .yamlfile import collector_paused, line_of, members, read_node, scalar_text


@dataclass(frozen=True)
class Declared:
    """One place that gives a variable to a service."""

    service: str
    variable: str
    text: str | None
    """As written; None for `environment: [V]` and for a name alone in an env_file."""
    value: str | None
    """What Compose makes of it; None: it leaves the variable out."""
    file: Path
    line: int
    kind: Literal["environment", "env_file"]
    uses: tuple[Use, ...] = ()


@dataclass
class _Collected:
    environment: list[Declared] = field(default_factory=list)
    env_files: dict[str, EnvFile] = field(default_factory=dict)
    forms: list[str] = field(default_factory=list)
    """The node kinds of the `environment` entries that were joined."""


@collector_paused()
def collect(
    files: tuple[Path, ...],
    variables: Mapping[str, Given],
    base: Path,
    roots: Mapping[Path, Any] | None = None,
) -> dict[str, dict[str, tuple[Declared, ...]]]:
    """Return service -> variable -> its declarations, the winner last.

    `base` is the project's folder, which relative env_files start from; `roots` are the
    nodes of files that have been read already. Raises ComposeFileError with file and line
    for what Compose would refuse.
    """
    return _Reader(variables, base, roots or {}).read(files)


class _Reader:
    def __init__(
        self, variables: Mapping[str, Given], base: Path, roots: Mapping[Path, Any]
    ) -> None:
        self._variables = variables
        self._base = base
        self._roots = roots
        self._collected: dict[str, _Collected] = {}
        self._services: dict[Path, dict[str, Any]] = {}
        self._chains = Chains(variables)

    def read(self, files: tuple[Path, ...]) -> dict[str, dict[str, tuple[Declared, ...]]]:
        for path in files:
            for name, body in self._services_of(path).items():
                if body.tag == "!reset":
                    self._collected.pop(name, None)
                    continue
                if body.tag == "!override":
                    self._collected.pop(name, None)
                collected = self._collected.setdefault(name, _Collected())
                self._service(name, body, path, self._base, collected, ())
        return {name: self._joined(name, each) for name, each in self._collected.items()}

    def _services_of(self, path: Path) -> dict[str, Any]:
        if path not in self._services:
            root = self._roots[path] if path in self._roots else read_node(path)
            services = {key.value: value for key, value in members(root, path)}.get("services")
            self._services[path] = (
                {key.value: value for key, value in members(services, path)}
                if services is not None and services.id == "mapping"
                else {}
            )
        return self._services[path]

    def _service(
        self,
        owner: str,
        body: Any,
        path: Path,
        base: Path,
        into: _Collected,
        above: tuple[Any, ...],
    ) -> None:
        if body.id != "mapping":
            return
        keys = {key.value: value for key, value in members(body, path)}
        if "extends" in keys:
            self._extended(owner, keys["extends"], path, base, into, (*above, body))
        if "env_file" in keys:
            self._env_file(keys["env_file"], path, base, into)
        if "environment" in keys:
            self._environment(owner, keys["environment"], path, into)

    def _extended(
        self,
        owner: str,
        node: Any,
        path: Path,
        base: Path,
        into: _Collected,
        above: tuple[Any, ...],
    ) -> None:
        where = f"{path}:{line_of(node)}"
        parts = (
            {key.value: value for key, value in members(node, path)}
            if node.id == "mapping"
            else {"service": node}
        )
        name = self._string(parts["service"], path)[0] if "service" in parts else ""
        source = path
        if "file" in parts:
            source = base / self._string(parts["file"], path)[0]
            base = source.parent
        services = self._services_of(source)
        if name not in services:
            raise ComposeFileError(
                f"{where}: extends {name!r}, which {source.name} does not have"
                f"{near(name, services)}."
            )
        if any(body is services[name] for body in above):
            raise ComposeFileError(f"{where}: extends goes in a circle.")
        self._service(owner, services[name], source, base, into, above)

    def _env_file(self, node: Any, path: Path, base: Path, into: _Collected) -> None:
        if node.tag in ("!reset", "!override"):
            into.env_files.clear()
        if node.tag == "!reset":
            return
        for entry in node.value if node.id == "sequence" else [node]:
            parts = {"path": entry}
            if entry.id == "mapping":
                parts = {key.value: value for key, value in members(entry, path)}
            written = {key: self._string(value, path)[0] for key, value in parts.items()}
            name, format_ = written.get("path", ""), written.get("format", "")
            if format_ not in ("", "raw"):
                raise ComposeFileError(
                    f"{path}:{line_of(entry)}: unknown env_file format {format_!r}."
                )
            into.env_files[name] = EnvFile(
                base / Path(name).expanduser(),
                written.get("required", "true").lower() not in ("false", "no", "off", "n"),
                format_ == "raw",
                path,
                line_of(entry),
            )

    def _environment(self, owner: str, node: Any, path: Path, into: _Collected) -> None:
        if node.tag in ("!reset", "!override"):
            into.environment.clear()
            into.forms.clear()
        if node.tag == "!reset" or node.id == "scalar":
            return
        if node.id == "sequence":
            for item in node.value:
                into.environment.append(self._listed(owner, item, path))
        else:
            for key, value in members(node, path):
                if value.tag == "!reset":
                    self._forget(key.value, into)
                else:
                    into.environment.append(self._mapped(owner, key, value, path))
        into.forms.append(node.id)

    def _forget(self, variable: str, into: _Collected) -> None:
        # Two files' entries are joined as a list, in which Compose finds nothing to reset.
        if into.forms == ["mapping"]:
            into.environment = [each for each in into.environment if each.variable != variable]

    def _mapped(self, owner: str, key: Any, node: Any, path: Path) -> Declared:
        name, line = key.value, line_of(key)
        if node.id == "scalar" and (written := scalar_text(node, path)) is not None:
            value, uses = self._interpolated(written, path, line)
            return Declared(owner, name, node.value, value, path, line, "environment", uses)
        if node.id != "scalar":
            raise ComposeFileError(f"{path}:{line}: {name} of {owner} must be one value.")
        return self._taken(owner, name, path, line, ())

    def _listed(self, owner: str, node: Any, path: Path) -> Declared:
        line = line_of(node)
        item, uses = self._string(node, path)
        name, sign, value = item.partition("=")
        if not sign:
            return self._taken(owner, name, path, line, uses)
        text = node.value.partition("=")[2] if "=" in node.value else node.value
        return Declared(owner, name, text, value, path, line, "environment", uses)

    def _taken(
        self, owner: str, name: str, path: Path, line: int, uses: tuple[Use, ...]
    ) -> Declared:
        given = self._variables.get(name)
        value = given.value if given is not None else None
        uses = (*uses, use_of(name, given))
        return Declared(owner, name, None, value, path, line, "environment", uses)

    def _string(self, node: Any, path: Path) -> tuple[str, tuple[Use, ...]]:
        return self._interpolated(scalar_text(node, path) or "", path, line_of(node))

    def _interpolated(self, text: str, path: Path, line: int) -> tuple[str, tuple[Use, ...]]:
        if "$" not in text:
            return text, ()
        try:
            return interpolate(text, self._variables)
        except ComposeFileError as error:
            raise ComposeFileError(f"{path}:{line}: {error}.") from error

    def _joined(self, owner: str, collected: _Collected) -> dict[str, tuple[Declared, ...]]:
        found: dict[str, list[Declared]] = {}
        chain: tuple[EnvFile, ...] = ()
        for env_file in collected.env_files.values():
            chain = (*chain, env_file)
            for entry in self._chains.entries(chain):
                name, file = entry.name, env_file.path
                each = Declared(
                    owner, name, entry.text, entry.value, file, entry.line, "env_file", entry.uses
                )
                several = found.setdefault(name, [])
                # A name alone that nothing gives a value takes none away either.
                several.insert(len(several) if entry.value is not None else 0, each)
        for each in collected.environment:
            found.setdefault(each.variable, []).append(each)
        return {name: tuple(each) for name, each in found.items()}
