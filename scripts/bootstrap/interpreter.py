"""This very interpreter in an image, so that two modes differ in Docker alone.

Two builds of one Python minor version differ by 1.3x in start-up and CPU.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import ssl
import sys
import sysconfig
from pathlib import Path

from .progress import Progress
from .rootfs import CERTIFICATES, Rootfs

# Tests, editors and build leftovers: 220 MB that no service loads. The packages of the
# host's interpreter stay behind too: an image starts with none.
LEFT_OUT = (
    "test", "tests", "idlelib", "idle_test", "tkinter", "turtledemo", "lib2to3", "config-*",
    "site-packages", "dist-packages", "*.opt-1.pyc", "*.opt-2.pyc", "*.a", "_tkinter*.so",
    "_test*.so", "_ctypes_test*.so", "xxlimited*.so", "sitecustomize.py", "EXTERNALLY-MANAGED",
)  # fmt: skip
ENVIRONMENT = (
    "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
)


def identity() -> str:
    """Return what tells this build from another: its version, and its binary's digest."""
    binary = executable()
    digest = hashlib.sha256(binary.read_bytes())
    for library in shared_libraries():
        digest.update(library.read_bytes())
    return f"{sys.version} {binary} {digest.hexdigest()}"


def executable() -> Path:
    """Return the binary behind this process, outside any virtual environment."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidate = Path(sys.base_prefix, "bin", name)
    return candidate.resolve() if candidate.exists() else Path(sys.executable).resolve()


def shared_libraries() -> list[Path]:
    """Return libpython's files, where this build has them beside it."""
    folder = Path(sysconfig.get_config_var("LIBDIR") or "")
    if not folder.is_dir() or not folder.resolve().is_relative_to(Path(sys.base_prefix).resolve()):
        return []
    return sorted(path for path in folder.glob("libpython*.so*") if path.is_file())


def build(progress: Progress, folder: Path, tag: str, label: str) -> None:
    """Make the image of this interpreter."""
    root = Rootfs(folder)
    root.base()
    host = Path(sys.base_prefix).resolve()
    # Debian's own python lives in /usr and knows it; any other build moves to /usr/local.
    home = Path("/usr") if host == Path("/usr") else Path("/usr/local")
    binary = executable()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    library = Path("lib", f"python{version}")
    target = root.at(home)

    target.joinpath("bin").mkdir(parents=True, exist_ok=True)
    shutil.copy2(binary, target / "bin" / f"python{version}")
    shutil.copytree(
        sysconfig.get_path("stdlib", vars={"base": str(host), "installed_base": str(host)}),
        target / library,
        symlinks=True,
        ignore=shutil.ignore_patterns(*LEFT_OUT),
        dirs_exist_ok=True,
    )
    for path in shared_libraries():
        shutil.copy2(path, target / "lib" / path.name, follow_symlinks=False)
    wheels = Path("/usr/share/python-wheels")  # Debian's ensurepip finds its wheels there
    if home == Path("/usr") and wheels.is_dir():
        shutil.copytree(wheels, root.at(wheels), dirs_exist_ok=True)
    packages = "dist-packages" if home == Path("/usr") else "site-packages"
    (target / library / packages).mkdir(exist_ok=True)
    local = root.at("/usr/local/bin")
    local.mkdir(parents=True, exist_ok=True)
    if local != target / "bin":
        (local / f"python{version}").symlink_to(home / "bin" / f"python{version}")
    for name in ("python3", "python"):
        (local / name).symlink_to(f"python{version}")

    # Where this build's OpenSSL looks for certificates differs from one build to another.
    trusted = root.at(ssl.get_default_verify_paths().openssl_cafile)
    if not trusted.exists():
        trusted.parent.mkdir(parents=True, exist_ok=True)
        trusted.symlink_to(CERTIFICATES)

    extensions = sorted((target / library).rglob("*.so"))
    root.libraries([binary, *extensions], own=folder if host == Path("/usr") else host)
    # Both sides start from bytecode; what the host has is taken, times and all.
    progress.run(
        [sys.executable, "-m", "compileall", "-q", "-j", "2", "-s", folder, target / library],
        mend="The standard library of this interpreter does not compile.",
    )
    environment = [f"ENV {pair}" for pair in ENVIRONMENT]
    environment.append(f"ENV PYTHON_VERSION={platform.python_version()}")
    root.load(progress, tag, label, [*environment, 'CMD ["python3"]'])
