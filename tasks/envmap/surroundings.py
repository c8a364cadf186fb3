"""Where this program runs: a host or a container, which CI, WSL, a Kubernetes pod.

Every probe reads a file or a variable; what is absent is an answer.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_CI = {
    "GITHUB_ACTIONS": "GitHub Actions",
    "GITLAB_CI": "GitLab CI",
    "TF_BUILD": "Azure Pipelines",
    "CIRCLECI": "CircleCI",
    "JENKINS_URL": "Jenkins",
    "BUILDKITE": "Buildkite",
    "TRAVIS": "Travis CI",
    "BITBUCKET_BUILD_NUMBER": "Bitbucket Pipelines",
    "TEAMCITY_VERSION": "TeamCity",
    "CODEBUILD_BUILD_ID": "AWS CodeBuild",
    "DRONE": "Drone",
    "CIRRUS_CI": "Cirrus CI",
    "APPVEYOR": "AppVeyor",
    "SEMAPHORE": "Semaphore",
}
"""The variable that each sets in its jobs (from its own documentation)."""

_ENGINES = {
    "docker": "Docker",
    "podman": "Podman",
    "libpod": "Podman",
    "lxc": "LXC",
    "lxc-libvirt": "LXC",
    "systemd-nspawn": "systemd-nspawn",
    "crio": "CRI-O",
    "containerd": "containerd",
    "oci": "an OCI runtime",
}
_CGROUP_ENGINE = re.compile(
    r"/(?:cri-)?(docker|libpod|crio|containerd)[-/][0-9a-f]{12,}|/(lxc)(?:\.payload)?[./]"
)
_MOUNT_ENGINE = re.compile(
    r"/(docker)/containers/[0-9a-f]{12,}/|/containers/(?:storage/)?overlay-containers/[0-9a-f]{12,}/"
)
_NEGATIVE = {"", "0", "false", "no"}


@dataclass(frozen=True)
class Machine:
    """What the probes read: a root folder and variables, real unless a test gives others."""

    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    def read(self, path: str) -> str:
        """Return the text of a file; empty where it cannot be read."""
        with suppress(OSError):
            return (self.root / path).read_text(encoding="utf-8", errors="replace")
        return ""

    def has(self, path: str) -> bool:
        """Return whether a file or a folder exists."""
        with suppress(OSError):
            return (self.root / path).exists()
        return False


@dataclass(frozen=True)
class Place:
    """Where we are; each part is None where that is not the case."""

    container: str | None = None
    ci: str | None = None
    wsl: str | None = None
    kubernetes: bool = False

    def __str__(self) -> str:
        if self.kubernetes:
            first = "a Kubernetes pod"
        elif self.container:
            first = f"a container of {self.container}"
        else:
            first = "a host"
        parts = [first, *([self.wsl] if self.wsl else []), *([f"CI: {self.ci}"] if self.ci else [])]
        return ", ".join(parts)


@dataclass(frozen=True)
class Groups:
    """The control groups of this machine."""

    version: int | None
    """1 or 2; None where there are none."""
    writable: bool = False
    """Whether this user may make groups, for measuring local services exactly."""

    def __str__(self) -> str:
        if self.version is None:
            return "none: local services are measured by psutil"
        may = "may make groups" if self.writable else "may not make groups: psutil measures instead"
        return f"version {self.version}, {may}"


def place(machine: Machine) -> Place:
    """Return where this program runs."""
    kubernetes = "KUBERNETES_SERVICE_HOST" in machine.environ or machine.has(
        "var/run/secrets/kubernetes.io/serviceaccount"
    )
    return Place(
        container=_container(machine) or ("Kubernetes" if kubernetes else None),
        ci=_ci(machine.environ),
        wsl=_wsl(machine),
        kubernetes=kubernetes,
    )


def _container(machine: Machine) -> str | None:
    if machine.has("run/.containerenv"):
        return "Podman"
    if machine.has(".dockerenv") and not _is_disk_image(machine):
        return "Docker"
    named = machine.environ.get("container", "")
    if named:
        return _ENGINES.get(named, named)
    # Of process 1: a service manager of the host puts our own process in a group of its own,
    # and a process of the host may well stand in a group named docker.
    found = _CGROUP_ENGINE.search(machine.read("proc/1/cgroup"))
    if found:
        return _ENGINES[found[1] or found[2]]
    mounts = machine.read("proc/self/mountinfo")
    # The engine's host mounts such paths as sources for its containers; ours is a target.
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) > 4 and fields[4] in {"/etc/hostname", "/etc/resolv.conf"}:
            source = _MOUNT_ENGINE.search(fields[3])
            if source:
                return "Docker" if source[1] else "Podman"
    return None


def _is_disk_image(machine: Machine) -> bool:
    """Return whether /.dockerenv is a leftover: a virtual machine's disk made from a container.

    Docker mounts a file of its own on /etc/hostname in every container.
    """
    mounts = machine.read("proc/self/mountinfo")
    return bool(mounts) and " /etc/hostname " not in mounts


def _ci(environ: Mapping[str, str]) -> str | None:
    for variable, name in _CI.items():
        if environ.get(variable, "").lower() not in _NEGATIVE:
            return name
    return "of unknown make" if environ.get("CI", "").lower() not in _NEGATIVE else None


def _wsl(machine: Machine) -> str | None:
    release = machine.read("proc/sys/kernel/osrelease").lower()
    if "microsoft" not in release and "WSL_DISTRO_NAME" not in machine.environ:
        return None
    return "WSL 2" if "wsl2" in release or "microsoft-standard" in release else "WSL 1"


def system(machine: Machine) -> str:
    """Return the operating system, its kernel and the architecture, in one line."""
    lines = machine.read("etc/os-release").splitlines()
    release = dict(line.split("=", 1) for line in lines if "=" in line)
    name = release.get("PRETTY_NAME", "").strip("\"'") or platform.system()
    kernel = machine.read("proc/sys/kernel/osrelease").strip() or platform.release()
    return f"{name}, kernel {kernel}, {platform.machine()}"


def groups(machine: Machine) -> Groups:
    """Return the version of control groups, and whether we may make some. Makes none."""
    root = machine.root / "sys/fs/cgroup"
    with suppress(OSError):
        if (root / "cgroup.controllers").is_file():
            delegated = "memory" in (root / "cgroup.subtree_control").read_text().split()
            return Groups(2, delegated and os.access(root, os.W_OK))
        if (root / "memory").is_dir():
            folders = (root / "memory", root / "cpuacct")
            return Groups(1, all(f.is_dir() and os.access(f, os.W_OK) for f in folders))
    return Groups(None)
