"""Every rule of the analysis, by its id. An id is never given to another rule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .model import Rule

NO_HEALTHCHECK = Rule(
    "TM001",
    "no-healthcheck",
    "warning",
    "network",
    "A service that listens has no health check.",
    "Compose cannot wait for it: what depends on it starts too early, and a hang stays unseen.",
)
UNHEALTHY_DEPENDENCY = Rule(
    "TM002",
    "waits-for-no-healthcheck",
    "error",
    "network",
    "`condition: service_healthy` waits for a service that has no health check.",
    "Compose ends the start: the container has no healthcheck configured.",
)
STARTED_ONLY = Rule(
    "TM003",
    "waits-for-start-only",
    "warning",
    "network",
    "A service waits for the start of one that has a health check, not for its health.",
    "A server that is still starting refuses its first clients.",
)
PUBLISHED_TWICE = Rule(
    "TM004",
    "port-published-twice",
    "error",
    "network",
    "Two services that run together publish one host port.",
    "The second one cannot start.",
)
PORT_TAKEN = Rule(
    "TM005",
    "port-taken",
    "warning",
    "network",
    "A host port that the stack publishes is held by something that is not the stack's.",
    "The stack cannot start while it is.",
)
OPEN_STORE = Rule(
    "TM006",
    "store-published-everywhere",
    "warning",
    "network",
    "A database or another store is published on every interface of the host.",
    "Everyone who reaches the host reaches it, past a firewall of the host's own rules.",
)
FIXED_NAME = Rule(
    "TM007",
    "fixed-container-name",
    "note",
    "network",
    "`container_name` fixes the name of a container.",
    "A second stack beside the first cannot start, and the service cannot be scaled.",
)
NO_ROTATION = Rule(
    "TM008",
    "logs-without-rotation",
    "warning",
    "resources",
    "Logs are written by a driver that never removes any.",
    "They grow until the disk is full.",
)
NO_RESTART = Rule(
    "TM009",
    "no-restart-policy",
    "warning",
    "resources",
    "A service that is to go on has no restart policy.",
    "After a crash or a reboot it stays down.",
)
NO_MEMORY_LIMIT = Rule(
    "TM010",
    "no-memory-limit",
    "warning",
    "resources",
    "No environment limits the memory of a service.",
    "One leak takes the memory of the whole host.",
)
NO_CPU_LIMIT = Rule(
    "TM011",
    "no-cpu-limit",
    "note",
    "resources",
    "No environment limits the CPU of a service.",
    "A busy loop slows every other service down.",
)
NO_VOLUME = Rule(
    "TM012",
    "state-without-volume",
    "error",
    "resources",
    "A store keeps its data in no named volume.",
    "`docker compose down` leaves the data in a volume without a name, or removes it.",
)
AS_ROOT = Rule(
    "TM013",
    "runs-as-root",
    "warning",
    "resources",
    "A container of the project's own image runs as root.",
    "A way out of the process is a way to root's files in every mounted volume.",
)
COSTLY_CHECK = Rule(
    "TM014",
    "costly-healthcheck",
    "warning",
    "resources",
    "A health check starts an interpreter every few seconds.",
    "Each start costs about 60 ms of CPU, which the container is billed for while it idles.",
)
LATEST = Rule(
    "TM015",
    "image-without-version",
    "warning",
    "build time",
    "An image has no tag, or the tag `latest`.",
    "The next pull brings another version, with no change in the project.",
)
CACHE_ORDER = Rule(
    "TM016",
    "sources-before-dependencies",
    "warning",
    "build time",
    "A Dockerfile copies the sources before it installs the dependencies.",
    "Every change of a source file installs all of them again.",
)
CONTEXT = Rule(
    "TM017",
    "context-not-ignored",
    "warning",
    "build time",
    "A build copies folders into the image that .dockerignore should keep out.",
    "They make the image larger, may hold secrets, and void the build cache at every commit.",
)
LARGE_LAYER = Rule(
    "TM018",
    "large-layer",
    "warning",
    "build time",
    "A layer over 50 MB, or a fifth of its image, holds what the image does not need.",
    "It is stored, pushed and pulled with every version.",
)
SLOW_STEP = Rule(
    "TM019",
    "slow-step",
    "note",
    "build time",
    "A build step takes over 10 s and downloads everything each time it runs.",
    "A cache mount keeps what was downloaded from one build to the next.",
)

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.id: rule
        for rule in (
            NO_HEALTHCHECK,
            UNHEALTHY_DEPENDENCY,
            STARTED_ONLY,
            PUBLISHED_TWICE,
            PORT_TAKEN,
            OPEN_STORE,
            FIXED_NAME,
            NO_ROTATION,
            NO_RESTART,
            NO_MEMORY_LIMIT,
            NO_CPU_LIMIT,
            NO_VOLUME,
            AS_ROOT,
            COSTLY_CHECK,
            LATEST,
            CACHE_ORDER,
            CONTEXT,
            LARGE_LAYER,
            SLOW_STEP,
        )
    }
)
