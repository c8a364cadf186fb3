"""What a build in Docker needs of this host: pip's settings and the CA certificates.

They may hold credentials: written for their owner alone, handed to BuildKit as secrets,
never printed. Files that mean nothing inside a build stay behind.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from .progress import Progress, write_private

# Settings of pip that mean the same inside a build; paths of this host do not.
KEPT = (
    "index-url", "extra-index-url", "find-links", "trusted-host", "no-index", "proxy",
    "timeout", "default-timeout", "retries", "prefer-binary", "only-binary", "no-binary",
    "use-deprecated", "use-feature", "uploaded-prior-to",
)  # fmt: skip
ADDRESSES = ("index-url", "extra-index-url", "find-links")
CA_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora and its kin
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS
)


def config_files(environment: Mapping[str, str], home: Path) -> list[Path]:
    """Return pip's configuration files on Unix, weakest first, as pip orders them."""
    named = environment.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    folders = environment.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    everyone = [Path(folder, "pip/pip.conf") for folder in folders.split(":") if folder]
    everyone.append(Path("/etc/pip.conf"))
    if named and Path(named).exists():  # pip then skips the user's own
        return [*everyone, Path(named)]
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config", "pip/pip.conf")
    return [*everyone, home / ".pip/pip.conf", own]


def pip_settings(files: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return pip's settings for `install`, merged: texts of files in order, then PIP_*."""
    settings: dict[str, str] = {}
    specific: dict[str, str] = {}
    for text in files:
        parser = configparser.RawConfigParser()
        parser.read_string(text)
        for section, merged in (("global", settings), ("install", specific)):
            if parser.has_section(section):
                merged |= {normal(key): value for key, value in parser.items(section)}
    settings |= specific
    for name, value in environment.items():
        if name.startswith("PIP_") and value:
            settings[normal(name.removeprefix("PIP_"))] = value
    return settings


def normal(key: str) -> str:
    """Return a setting's name as pip writes it."""
    return key.lower().replace("_", "-").removeprefix("--")


def for_a_build(settings: Mapping[str, str]) -> str:
    """Return a pip.conf of the settings that mean something inside a build; may be empty."""
    lines = []
    for key in KEPT:
        words = settings.get(key, "").split()
        if key in ADDRESSES:
            words = [word for word in words if "://" in word and not word.startswith("file:")]
        if words:
            lines.append(f"{key} = {''.join(f'{chr(10)}    {word}' for word in words)}\n")
    # Without the local folders that --no-index was for, it would forbid everything.
    if not any(line.startswith("find-links") for line in lines):
        lines = [line for line in lines if not line.startswith("no-index")]
    return "[global]\n" + "".join(lines) if lines else ""


def ca_bundle(settings: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """Return the certificates that this host trusts for pip; empty where none are found."""
    named = [settings.get("cert", ""), *(environment.get(name, "") for name in CA_VARIABLES)]
    for name in [*filter(None, named), *SYSTEM_BUNDLES]:
        path = Path(name)
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
    return ""


def write(root: Path, progress: Progress) -> None:
    """Write .tranship/build/pip.conf and ca.crt, empty where this host has none."""
    folder = root / ".tranship/build"
    texts = []
    for path in config_files(os.environ, Path.home()):
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except OSError:
            continue
    try:
        settings = pip_settings(texts, os.environ)
    except configparser.Error:  # pip itself names the file and the line
        settings = pip_settings([], os.environ)
        progress.line("build", "pip's configuration is malformed: see `pip config list`")
    write_private(folder / "pip.conf", for_a_build(settings))
    write_private(folder / "ca.crt", ca_bundle(settings, os.environ))
