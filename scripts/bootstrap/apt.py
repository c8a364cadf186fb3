"""Docker's packages by apt: which ones, from which release, and nothing else touched.

Debian 12 carries Compose v1 and an engine too old for it. The next release's packages
need only Debian 12's libc, so they come from there, pinned low; runc and containerd
stay Debian 12's own. Mirror and keyring are those the machine's own sources name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import SetupError
from .progress import Progress

APT = Path("/etc/apt")
NEXT_RELEASE = "trixie"
NAME = f"tranship-{NEXT_RELEASE}"
# Only Docker's own packages come from there. Not by `docker.io/trixie` on the command line:
# that takes its release's containerd along.
DOCKER_PIN = f"""\
Package: docker.io docker-cli docker-compose docker-buildx
Pin: release n={NEXT_RELEASE}
Pin-Priority: 500
"""
LOW_PIN = f"""
Package: *
Pin: release n={NEXT_RELEASE}
Pin-Priority: 100
"""
BY_HAND = "Install Docker with Compose v2 (docs.docker.com/engine/install), then run this again."

MEND = f"Mend apt's sources or its network access, or get Docker yourself. {BY_HAND}"


@dataclass(frozen=True)
class Source:
    """One entry of apt's sources: a mirror and the keyring that vouches for it."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""  # a path, or a whole key in deb822's continuation lines


@dataclass(frozen=True)
class Plan:
    """Which packages to install, and from which release (empty: the machine's own)."""

    packages: tuple[str, ...]
    release: str = ""


def parse_deb822(text: str) -> list[Source]:
    """Return the enabled binary entries of a `.sources` file."""
    sources = []
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line[:1] in {" ", "\t"} and key:
                fields[key] += f"\n{line}"
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        disabled = fields.get("enabled", "").lower() in {"no", "false", "0"}
        if disabled or "deb" not in fields.get("types", "").split():
            continue
        sources.append(
            Source(
                tuple(fields.get("uris", "").split()),
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                fields.get("signed-by", ""),
            )
        )
    return sources


def parse_one_line(text: str) -> list[Source]:
    """Return the binary entries of a `sources.list` file."""
    sources = []
    for line in text.splitlines():
        found = re.match(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)", line.strip())
        if not found:
            continue
        options = dict(option.partition("=")[::2] for option in (found[1] or "").split())
        components = tuple(found[4].split())
        sources.append(Source((found[2],), (found[3],), components, options.get("signed-by", "")))
    return sources


def read_sources(folder: Path = APT) -> list[Source]:
    """Return every entry that apt reads, but not the one that this module writes."""
    sources: list[Source] = []
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        if path.stem == NAME or not path.is_file():
            continue
        if path.suffix == ".sources":
            sources += parse_deb822(path.read_text(encoding="utf-8"))
        elif path.suffix == ".list":
            sources += parse_one_line(path.read_text(encoding="utf-8"))
    return sources


def next_release_entry(sources: Iterable[Source], codename: str) -> str:
    """Return a deb822 entry for the next release, on the mirror of this one.

    Raises SetupError where no source names this release's main component.
    """
    for source in sources:
        if codename in source.suites and "main" in source.components:
            signed = f"Signed-By: {source.signed_by}\n" if source.signed_by else ""
            uris = " ".join(source.uris)
            return f"Types: deb\nURIs: {uris}\nSuites: {NEXT_RELEASE}\nComponents: main\n{signed}"
    raise SetupError(f"apt's sources name no mirror of {codename} main. {BY_HAND}")


def parse_os_release(text: str) -> dict[str, str]:
    """Return the fields of an os-release file."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def plan(os_release: dict[str, str], missing: Sequence[str]) -> Plan:
    """Return how to get the `missing` parts: engine, cli, compose, buildx.

    Raises SetupError on a system whose packages are not known to work.
    """
    system, version = os_release.get("ID", ""), os_release.get("VERSION_ID", "")
    number = tuple(int(part) for part in version.split(".") if part.isdigit())
    debian = {
        "engine": "docker.io",
        "cli": "docker-cli",
        "compose": "docker-compose",
        "buildx": "docker-buildx",
    }
    if system == "debian" and number == (12,):
        return Plan(tuple(debian[part] for part in missing), NEXT_RELEASE)
    if system == "debian" and (not number or number > (12,)):  # testing has no number
        return Plan(tuple(debian[part] for part in missing))
    if system == "ubuntu" and number >= (22, 4):
        ubuntu = {**debian, "cli": "docker.io", "compose": "docker-compose-v2"}
        return Plan(tuple(dict.fromkeys(ubuntu[part] for part in missing)))
    name = os_release.get("PRETTY_NAME") or system or "this system"
    raise SetupError(f"No Docker engine here, and none can be installed on {name}. {BY_HAND}")


def install(progress: Progress, wanted: Plan, codename: str, folder: Path = APT) -> None:
    """Install the plan's packages; on failure leave apt's settings as they were."""
    entry = folder / "sources.list.d" / f"{NAME}.sources"
    pin = folder / "preferences.d" / NAME
    written: list[Path] = []
    try:
        if wanted.release:
            sources = read_sources(folder)
            files = {pin: DOCKER_PIN, entry: ""}
            # A machine that has the next release already has its own view of it.
            if not any(wanted.release in source.suites for source in sources):
                files = {pin: DOCKER_PIN + LOW_PIN, entry: next_release_entry(sources, codename)}
            # The pin first: no moment in which the next release could replace anything.
            for path, text in files.items():
                if text and not (path.exists() and path.read_text(encoding="utf-8") == text):
                    written.append(path)
                    path.write_text(text, encoding="utf-8")
        apt_get(progress, "update")
        apt_get(progress, "install", "--yes", "--no-install-recommends", *wanted.packages)
    except BaseException:
        for path in reversed(written):
            path.unlink(missing_ok=True)
        raise


def apt_get(
    progress: Progress, *arguments: str, prefix: Sequence[str] = (), mend: str = MEND
) -> None:
    """Run apt-get unattended, waiting for another apt that is at work.

    `prefix` is what it is run by, where not as root.
    """
    # RUNLEVEL=1 keeps a package's init script from starting the daemon: we start it
    # ourselves, by a pid that we know. systemd ignores it. By env, which sudo keeps.
    settings = ("env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
    options = ("-q", "-o", "DPkg::Lock::Timeout=120")
    progress.run([*prefix, *settings, "apt-get", *options, *arguments], mend=mend)
