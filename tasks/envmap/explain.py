"""The whole chain of one variable: what won, what lost, and where each stands.

In the manner of `git config --show-origin`: every candidate with its file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError, near
from ..stack.placement import Placement, Ports, Side
from ..stack.sources import Declared, Use
from .infer import Variable
from .layers import Layers
from .mapping import EVERY, Written
from .origins import Origin
from .resolve import EnvMap
from .secrets import MASK, is_secret, mask_value
from .templates import as_text

Declarations = Mapping[str, Mapping[str, tuple[Declared, ...]]]


@dataclass(frozen=True)
class Step:
    """One candidate or ingredient; `depth` 0 decides the variable, deeper ones its parts."""

    depth: int
    won: bool
    source: str
    where: str
    text: str


@dataclass(frozen=True)
class Explained:
    """One variable of one service in several modes."""

    service: str
    variable: str
    values: tuple[tuple[str, str | None], ...]
    """(mode, value as it may be shown; None where the mode leaves it out)."""
    steps: tuple[Step, ...]


def services_with(envmap: EnvMap, variable: str, declarations: Declarations) -> tuple[str, ...]:
    """Return the services that have the variable, by the mapping or the compose files.

    Raises UsageError with the near name when none has it.
    """
    stack = envmap.stack
    found = tuple(
        name
        for name in stack.services
        if variable in envmap.mapping.written(name)
        or variable in declarations.get(name, {})
        or variable in _recipe_of(envmap, name)
    )
    if not found:
        known = {key for items in declarations.values() for key in items} | {
            key
            for name in stack.services
            for key in (*envmap.mapping.written(name), *_recipe_of(envmap, name))
        }
        raise UsageError(f"No service has a variable {variable!r}{near(variable, known)}.")
    return found


def _recipe_of(envmap: EnvMap, service: str) -> Mapping[str, str]:
    """Return what x-tranship.local.environment gives the service's process."""
    recipe = envmap.stack.services[service].local
    return recipe.environment if recipe is not None else {}


def explain(
    envmap: EnvMap,
    declarations: Declarations,
    service: str,
    variable: str,
    modes: Mapping[str, Placement],
    ports: Ports,
) -> Explained:
    """Return the values in `modes` (name -> placement) and the chain they came through."""
    values: list[tuple[str, str | None]] = []
    resolved: dict[str, Variable | None] = {}
    for mode, placement in modes.items():
        found = (
            {item.name: item for item in envmap.environment(service, placement, ports)}
            if service in placement.sides
            else {}
        )
        resolved[mode] = found.get(variable)
        item = resolved[mode]
        values.append((mode, None if item is None else mask_value(variable, item.value)))
    written = envmap.mapping.rules.get(service, {}).get(variable)
    general = envmap.mapping.rules.get(EVERY, {}).get(variable)
    winner = written or general
    sides: dict[Side, None] = dict.fromkeys(
        placement.sides.get(service, "docker") for placement in modes.values()
    )
    steps: list[Step] = []
    recipe = _recipe_of(envmap, service)
    if variable in recipe and "local" in sides:
        # On the local side alone, where it wins over all else.
        value = mask_value(variable, recipe[variable])
        steps.append(Step(0, True, "x-tranship.local environment", "the compose file", value))
    for candidate in (written, general):
        if candidate is not None:
            steps.append(_mapping_step(candidate, envmap, won=candidate is winner))
            if candidate is winner:
                steps += _ingredients(candidate, envmap, service, tuple(sides), modes, ports)
    declared = declarations.get(service, {}).get(variable, ())
    for index, declaration in enumerate(reversed(declared)):
        steps += _declared_steps(declaration, envmap, won=winner is None and index == 0)
    if winner is None:
        steps += _inference_steps(variable, resolved)
    return Explained(service, variable, tuple(values), tuple(steps))


def _mapping_step(written: Written, envmap: EnvMap, *, won: bool) -> Step:
    where = written.origin.shown(envmap.root)
    template = written.template
    text = template.text
    if is_secret(written.variable):
        text = "".join(MASK if isinstance(part, str) else str(part) for part in template.parts)
    section = f"[services.{written.service}]"
    return Step(0, won, f"mapping {section}", where, mask_value("", text))


def _ingredients(
    written: Written,
    envmap: EnvMap,
    service: str,
    sides: tuple[Side, ...],
    modes: Mapping[str, Placement],
    ports: Ports,
) -> list[Step]:
    steps: list[Step] = []
    parts = written.template.parts
    for part in dict.fromkeys(written.template.placeholders):
        chains = [
            (side, envmap.layers[side])
            for side in sides
            if side in envmap.layers and part.name in envmap.layers[side]
        ]
        if chains:
            hidden = is_secret(written.variable) or _hides("".join(map(str, parts)), str(part))
            steps += _layer_steps(part.name, chains, envmap, hidden=hidden)
        else:
            texts = {
                mode: envmap.ingredient(service, written, part, placement, ports)
                for mode, placement in modes.items()
            }
            hide = written.variable if part.name not in envmap.stack.services else part.name
            shown = "; ".join(
                f"{mode}: {mask_value(hide, text)}"
                for mode, text in texts.items()
                if text is not None
            )
            own = {**envmap.mapping.written(service), **envmap.stack.services[service].environment}
            kind = "variable" if part.name in own else "endpoint"
            steps.append(Step(1, True, f"{kind} {part}", "the placement", shown))
    return steps


def _layer_steps(
    name: str, chains: list[tuple[Side, Layers]], envmap: EnvMap, *, hidden: bool
) -> list[Step]:
    """Return the layers' words on one setting, the winner of each side marked."""
    steps: dict[tuple[str, Origin], Step] = {}
    for _, layers in chains:
        chain = layers.chains[name]
        for given in reversed(chain):
            won = given is chain[-1]
            key = (given.layer, given.origin)
            before = steps.get(key)
            steps[key] = Step(
                1,
                won or (before is not None and before.won),
                f"layer {given.layer} {{{name}}}",
                given.origin.shown(envmap.root),
                MASK if hidden and given.value is not None else _setting(name, given.value),
            )
    return list(steps.values())


def _setting(name: str, value: Any) -> str:
    text = as_text(value, "json")
    # A word of the path tells a secret, wherever it stands: `passwords.admin`.
    secret = any(is_secret(word.removesuffix("s")) for word in name.split("."))
    return MASK if secret and value not in (None, "") else mask_value("", text)


def _hides(text: str, part: str) -> bool:
    """Return whether `part` stands where `text` has a password."""
    return mask_value("", text).count(part) < text.count(part)


def _declared_steps(item: Declared, envmap: EnvMap, *, won: bool) -> list[Step]:
    where = Origin(item.file, item.line).shown(envmap.root)
    source = f"compose {item.kind}"
    names = _names_alone(item.text or "")
    secret = is_secret(item.variable)
    hidden = [
        secret or is_secret(use.name) or _hides(names, f"${{{use.name}}}") for use in item.uses
    ]
    if item.text is None:
        text = "(no value here: taken from the shell or an env file)"
    elif secret and item.uses:
        parts = _NAME.split(names)
        text = "".join(part if _NAME.fullmatch(part) else part and MASK for part in parts)
    elif any(hidden):
        text = mask_value("", names)
    else:
        text = mask_value(item.variable, item.text)
    steps = [Step(0, won, source, where, text)]
    steps += [
        _use_step(use, envmap, hidden=hide) for use, hide in zip(item.uses, hidden, strict=True)
    ]
    return steps


_BARE = re.compile(r"(?<!\$)\$(\w+)")
_NAME = re.compile(r"(\$\{\w*\})")


def _names_alone(text: str) -> str:
    """Return a text with `${NAME:-word}` and `$NAME` in it as `${NAME}`."""
    shown, rest = "", _BARE.sub(r"${\1}", text)
    while "${" in rest:
        before, _, after = rest.partition("${")
        inside, rest = _braced(after)
        name = re.match(r"\w*", inside)
        shown += f"{before}${{{name[0] if name else ''}}}"
    return shown + rest


def _braced(text: str) -> tuple[str, str]:
    """Return what stands before the brace that closes, and what after it."""
    depth = 1
    for index, char in enumerate(text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if not depth:
            return text[:index], text[index + 1 :]
    return text, ""


def _use_step(use: Use, envmap: EnvMap, *, hidden: bool) -> Step:
    where = Origin(use.file, use.line).shown(envmap.root) if use.file else use.source
    text = "(unset)" if use.value is None else MASK if hidden else mask_value("", use.value)
    return Step(1, True, f"${{{use.name}}} from {use.source}", where, text)


def _inference_steps(variable: str, resolved: Mapping[str, Variable | None]) -> list[Step]:
    return [
        Step(
            0,
            True,
            f"inferred for {mode}, rule {item.rule!r}",
            "the placement",
            f"{mask_value(variable, item.declared or '')} -> {mask_value(variable, item.value)}",
        )
        for mode, item in resolved.items()
        if item is not None and item.rule is not None and item.rule != "mapping"
    ]


def lines(explained: Iterable[Explained]) -> list[str]:
    """Return the explanations as text: `*` stands before what won, `-` before what lost."""
    found = []
    for one in explained:
        found.append(f"{one.variable} of {one.service}")
        width = max(len(mode) for mode, _ in one.values)
        found += [
            f"  {mode:{width}}  {'(left out)' if value is None else value}"
            for mode, value in one.values
        ]
        found += [
            f"  {'  ' * step.depth}{'*' if step.won else '-'} {step.source}  "
            f"{step.where}  {step.text}"
            for step in one.steps
        ]
        found.append("")
    return found[:-1]
