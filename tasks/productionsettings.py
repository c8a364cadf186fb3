"""The tables of [tool.tranship] that production asks for, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal


@dataclass(frozen=True)
class CiSettings:
    """[tool.tranship.ci]: the pipelines that `inv ci.generate` writes."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    modes: tuple[str, ...] = ("local", "docker")
    """The modes that the suite is proved in; the first is the baseline of the comparison."""
    python: tuple[str, ...] = ("3.12",)
    """Versions of Python; the comparison has the first."""
    repeat: int = 1
    """How often the comparison runs each mode."""
    enforce: bool = False
    """Whether a gate that is missed fails the comparison."""
    strict: bool = False
    """Whether an inconclusive comparison fails."""
    branch: str = "main"
    """The branch whose pushes are tested, beside pull requests."""
    setup: tuple[str, ...] = ()
    """Shell lines that install Tranship and the project; none: what the project's files say."""
    path: tuple[str, ...] = ()
    """Folders that come first on PATH once `setup` is done."""
    commands: dict[str, str] = field(default_factory=dict)
    """Further jobs: name -> shell line."""
    layers: bool = True
    """Whether the layers of the images are kept from one run to the next."""
    timeout: int = 30
    """Minutes after which a job is ended."""
    runs_on: str = "ubuntu-24.04"
    """GitHub: the runner."""
    pins: dict[str, str] = field(default_factory=dict)
    """GitHub: action -> commit or tag, instead of the built-in one."""
    image: str = "python:{python}-trixie"
    """GitLab: the image of the jobs."""
    tags: tuple[str, ...] = ()
    """GitLab: the tags of the runner."""
    engine: Literal["job", "setup"] = "job"
    """GitLab: whether the job starts an engine itself, or what `setup` says sees to it."""


@dataclass(frozen=True)
class AutoscaleSettings:
    """[tool.tranship.kubernetes.autoscale.SERVICE]: how many pods a service may have."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    max: int
    """The most pods."""
    min: int = 1
    """The fewest pods."""
    cpu: int | None = None
    """Percent of the requested CPU that pods are to use on average."""
    memory: int | None = None
    """Percent of the requested memory."""


@dataclass(frozen=True)
class KubernetesSettings:
    """[tool.tranship.kubernetes]: the manifests of `inv k8s.export`."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    output: Path = Path("kubernetes")
    """The folder of the manifests."""
    registry: str = ""
    """Where the project's own images are pulled from."""
    tag: str = ""
    """The tag of the project's own images; empty: what the compose file says."""
    namespace: str = ""
    """The namespace that every object names; empty: what kubectl is told."""
    versions: tuple[str, ...] = ()
    """The versions of Kubernetes whose schemas are checked; empty: the newest four known."""
    host: str = ""
    """The host name of the Ingress; empty: none is written."""
    ingress_class: str = ""
    """The Ingress's class; empty: the cluster's default."""
    volume_size: str = "1Gi"
    """What a named volume claims."""
    volume_sizes: dict[str, str] = field(default_factory=dict)
    """Volume -> what it claims."""
    storage_class: str = ""
    """The volumes' class; empty: the cluster's default."""
    liveness: Literal["tcp", "health", "none"] = "tcp"
    """What has a pod's container started again."""
    wait_image: str = ""
    """An image with sh and nc, in which pods wait for what they depend on; empty: they do not."""
    egress: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    """The addresses outside of the stack that its services may dial."""
    autoscale: dict[str, AutoscaleSettings] = field(default_factory=dict)
    """Service -> how many pods it may have."""


@dataclass(frozen=True)
class ScalingSettings:
    """[tool.tranship.autoscale.SERVICE]: how many tasks `inv swarm.autoscale` gives a service."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    figure: str
    """cpu, memory, requests, p95, or a query in PromQL."""
    target: float
    """What the figure is to be."""
    max: int
    """The most tasks."""
    min: int = 1
    """The fewest tasks."""
    up_cooldown: float = 15.0
    """Seconds after a change of the service before it gets more tasks."""
    down_cooldown: float = 60.0
    """Seconds after a change of the service before it gets fewer."""
    hold: float = 120.0
    """Seconds for which fewer tasks must have been enough."""
    tolerance: float = 0.1
    """The share of the target by which the figure may differ with nothing done."""
    step: int = 0
    """The most tasks that one change adds or takes; 0: any number."""
    max_age: float = 30.0
    """Seconds after which a sample is too old to be acted on."""


@dataclass(frozen=True)
class SwarmSettings:
    """[tool.tranship.swarm]: the stack that `inv swarm.deploy` brings to a Swarm."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str = ""
    """The stack's name; empty: the project's."""
    registry: str = ""
    """Where nodes pull the project's own images from."""
    tag: str = ""
    """The tag of the project's own images; empty: what the compose file says."""
    publish: Literal["ingress", "host"] = "ingress"
    """Whether a port is published on every node, or on those that run a task."""
    endpoint: Literal["vip", "dnsrr"] = "vip"
    """Whether a service's name leads to a virtual IP, or to its tasks in turn."""
    resolve: Literal["always", "changed", "never"] = "always"
    """When the registry is asked for an image's digest."""
    monitor: str = "10s"
    """How long a task that was replaced is watched before the next one is."""
    data_node: str = ""
    """The host name of the node that has the volumes; empty: the one first deployed on."""
    nodes: dict[str, str] = field(default_factory=dict)
    """Node -> the address of its engine, where images are loaded and no registry is."""


@dataclass(frozen=True)
class MonitoringSettings:
    """[tool.tranship.monitoring]: the Prometheus beside the stack, and its alerts."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    port: int = 9090
    """The port on loopback at which Prometheus answers."""
    grafana_port: int = 3001
    """The port on loopback at which Grafana answers, where it is asked for."""
    interval: float = 5.0
    """Seconds between two readings of each target, and between two looks at the rules."""
    window: float = 60.0
    """Seconds over which latency and error rate are taken."""
    hold: float = 30.0
    """Seconds for which a condition must last before its alert fires."""
    retention: float = 15.0
    """Days for which figures are kept."""
    requests: str = "http_requests_total"
    """The counter of requests that the services have."""
    duration: str = "http_request_duration_seconds"
    """The histogram of seconds to answer that the services have."""
    status: str = "status"
    """The counter's label with the status: `500`, or `5xx`."""
    latency: float = 0.5
    """The p95 in seconds above which a service is slow."""
    errors: float = 0.05
    """The share of requests answered 5xx above which a service fails."""
    restarts: int = 3
    """Restarts of one container within ten minutes from which it is a crash loop."""
    memory: float = 0.9
    """The share of its memory limit above which a container is near it."""


@dataclass(frozen=True)
class QueryGateSettings:
    """[tool.tranship.gates.NAME]: a gate on what a Prometheus says."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    query: str
    """PromQL that gives one value; {mode}, {project}, {run} and {range} are the run's own."""
    threshold: str | tuple[str, ...]
    """What the value, or the ratio of both sides, is held against."""


@dataclass(frozen=True)
class HardenSettings:
    """[tool.tranship.harden]: what `inv docker.harden` writes."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    memory_factor: float = 4.0
    """How many times its peak on record a service may use."""
    cpus: float = 1.0
    """Cores that a service may use."""
    pids: int = 256
    """Processes and threads that a service may have."""
    publish: tuple[str, ...] = ()
    """The services that stay published; none: those on open interfaces."""
    egress: tuple[str, ...] = ()
    """The services that call what is outside, and so keep a network that leads there."""
    secret_files: tuple[str, ...] = ()
    """SERVICE:VARIABLE that the service reads from the file which VARIABLE_FILE names."""
