"""Tranship: move a multi-service Python project from local processes to Docker Compose.

`namespace()` is what an adopter's tasks.py loads; `sessions.register()` (a module of its
own, which imports nox) is what the noxfile loads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from invoke.collection import Collection

__all__ = ["namespace"]


def namespace() -> Collection:
    """Return the root collection of every Tranship task.

    Further tasks are added with `ns.add_task(...)`.
    """
    from invoke.collection import Collection

    from . import ci, compare, data, docker, env, hybrid, k8s, local, migrate, monitor, swarm

    root = Collection("tranship")
    for module in (ci, compare, data, docker, env, hybrid, k8s, local, migrate, monitor, swarm):
        root.add_collection(module.ns)
    return root


def __getattr__(name: str) -> Any:
    # `inv` looks for `ns` in tasks/; nobody else pays for building it.
    if name == "ns":
        return namespace()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
