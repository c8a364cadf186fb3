"""Where the stack's images go, so that nodes have them, and what they are called there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...errors import EnvironmentFailed, ImagesMissing, StackFailed, UsageError
from ...settings import Settings
from .images import full, id_of, pin
from .loading import to_nodes
from .model import Carried, Pushed, StackFile, Step
from .nodes import Engine
from .registries import to_registry


def push(settings: Settings, images: Sequence[Carried], registry: str, step: Step) -> Pushed:
    """Bring the images where the nodes take them from.

    Raises UsageError where nothing says where that is, ImagesMissing for those that are not
    built, StackFailed for a registry that refuses and for nodes that could not be loaded.
    """
    nodes, registry = settings.swarm.nodes, registry or settings.swarm.registry
    if not registry and not nodes:
        raise UsageError(
            "Nothing says where images go. Name a registry with --registry, or the nodes' engines "
            "in [tool.tranship.swarm.nodes]."
        )
    engine = Engine()
    try:
        ids = engine.images()
    except EnvironmentFailed as error:
        raise EnvironmentFailed(f"docker image ls failed: {error}.") from error
    missing = [it.declared for it in images if it.own and not id_of(it, ids)]
    if missing:
        raise ImagesMissing(
            f"Not built on this engine: {', '.join(missing)}. inv docker.build builds them."
        )
    if registry:
        return to_registry(engine, [it for it in images if it.own], ids, registry, step)
    return to_nodes(engine, images, ids, nodes, step)


def pinned(stack: StackFile) -> StackFile:
    """Return the stack file with its own images by the name that stands for one content.

    Of images that are loaded, Swarm knows no digest: it sees no change under the same name, and
    could not go back to what had that name before.
    """
    names = _pins(stack)
    services = {
        name: {**body, "image": names.get(body["image"], body["image"])}
        for name, body in stack.document["services"].items()
    }
    return replace(stack, document={**stack.document, "services": services})


def require_there(settings: Settings, stack: StackFile) -> None:
    """Return when the nodes have the images that are loaded; raises StackFailed with those missing.

    A node that does not answer is Swarm's matter: it may be down.
    """
    wanted = sorted({full(name) for name in _pins(stack).values()})
    lines = []
    for name, address in settings.swarm.nodes.items() if wanted else ():
        try:
            have = Engine(name, address).images()
        except EnvironmentFailed:
            continue
        if lacking := [it for it in wanted if it not in have]:
            lines.append(
                f"{name} lacks {', '.join(lacking)}. Bring it there: inv swarm.push, or "
                "inv swarm.deploy --push."
            )
    if lines:
        raise StackFailed("\n".join(lines))


def _pins(stack: StackFile) -> dict[str, str]:
    """Return what images that are loaded are called -> the name of what that stands for here."""
    if not stack.loaded:
        return {}
    ids = Engine().images()
    found = {it.name: ids.get(full(it.name), "") for it in stack.images if it.own}
    return {name: pin(name, known) if known else name for name, known in found.items()}


def resolve_of(settings: Settings, stack: StackFile | None = None) -> str:
    """Return when a registry is asked for digests: never where images are loaded."""
    own = settings.swarm
    loaded = bool(own.nodes) and not own.registry if stack is None else stack.loaded
    return "never" if loaded else own.resolve
