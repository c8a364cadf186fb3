"""What the suite could see of its environment, as flat text. Runs on its own, Python 3.7+.

The suite's interpreter on either side runs this file's text; it prints one JSON object, name ->
text. Names to look up are in STACK_NAMES when the text is prefixed with it, else in the
arguments, else in the variable TRANSHIP_NAMES. ASCII alone: in the locale C, -c takes no more.
"""

import contextlib
import glob
import hashlib
import json
import locale
import os
import platform
import re
import socket
import sys
import sysconfig
import tempfile
import threading
import time

DNS_SECONDS = 0.2
"""How long all look-ups together may take: the fingerprint is to cost less than 0.3 s."""
SAMPLE = ["b", "A", "Z", "a", "z", "_a", "B", "1", "-b", "a b", "\u00e4", "\u00e9", "ss", "\u00df"]
SECRET = re.compile(
    r"PASS(WORD|WD|PHRASE)?($|_)|_?PWD$|SECRET|TOKEN|CREDENTIAL|_AUTH$"
    r"|(API|PRIVATE|ACCESS|ENCRYPTION|SIGNING|MASTER|JWT)_?KEY",
    re.IGNORECASE,
)
NOT_SECRET = re.compile(r"^(OLD)?PWD$|_FILE$|BYPASS|COMPASS", re.IGNORECASE)
USER_INFO = re.compile(r"(?<=://)([^/?#@\s:]*):([^/?#\s\"']+)@")


def collect(names=()):
    """Return the fingerprint: name -> text. A part that cannot be read is named as an error."""
    dns = _looked_up(["localhost", *names])
    found = {}
    parts = (_interpreter, _libraries, _system, _languages, _times, _user, _places, _limits)
    for part in (*parts, _environment, _packages, dns):
        try:
            found.update(part())
        except Exception as error:  # one odd host must not cost the other parts
            found[f"error:{part.__name__.strip('_')}"] = type(error).__name__
    return {name: str(value) for name, value in found.items()}


def _interpreter():
    config = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    # What is no number, or how many there are, is no flag; the hash's seed has its own row.
    flags = {
        name: int(getattr(sys.flags, name))
        for name in dir(sys.flags)
        if not re.match(r"_|n_|count|index|hash_|int_max", name)
    }
    return {
        "python": platform.python_version(),
        "python_build": _build(),
        "python_config": f"{_hash(config)} {config}"[:200].strip(),
        "python_flags": " ".join(f"{name}={value}" for name, value in flags.items() if value),
        "python_executable": sys.executable,
        "python_path": os.pathsep.join(sys.path),
        "python_gil": str(getattr(sys, "_is_gil_enabled", lambda: True)()),
        "hash_seed": os.environ.get("PYTHONHASHSEED", "random"),
        "implementation": platform.python_implementation(),
        "byteorder": sys.byteorder,
    }


def _build():
    """Name the interpreter build by what it was compiled with and its stdlib's own hash."""
    options = [str(sysconfig.get_config_var(name)) for name in ("OPT", "PGO_PROF_USE_FLAG")]
    parts = [platform.python_compiler(), *options, " ".join(platform.python_build())]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    return "{} {} {}".format(" ".join(platform.python_build()), platform.python_compiler(), digest)


def _libraries():
    return {
        "libc": " ".join(platform.libc_ver()).strip()
        or ("musl" if glob.glob("/lib/ld-musl*") else ""),
        "openssl": _attribute("_ssl", "OPENSSL_VERSION"),
        "sqlite": _attribute("sqlite3", "sqlite_version"),
        "zlib": _attribute("zlib", "ZLIB_RUNTIME_VERSION"),
    }


def _attribute(module, name):
    try:
        return getattr(__import__(module), name)
    except (ImportError, AttributeError):
        return "missing"


def _system():
    status = dict(re.findall(r"^(\w+):\s*(.*)$", _read("/proc/self/status"), re.M))
    return {
        "os": _os_release(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "hostname": socket.gethostname(),
        "pid_1": _yes(os.getpid() == 1),
        "ipv6": _yes(_can_bind_ipv6()),
        "ports_from": _read("/proc/sys/net/ipv4/ip_unprivileged_port_start").strip(),
        "dns_search": " ".join(
            re.findall(r"^(?:search|options).*\S", _read("/etc/resolv.conf"), re.M)
        ),
        "capabilities": status.get("CapEff", ""),
        "seccomp": status.get("Seccomp", ""),
        "signals_ignored": status.get("SigIgn", ""),
    }


def _os_release():
    named = re.search(r'^PRETTY_NAME="?(.*?)"?$', _read("/etc/os-release"), re.M)
    return named.group(1) if named else platform.platform()


def _can_bind_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def _languages():
    found = {
        "locale": locale.setlocale(locale.LC_CTYPE),
        "encoding": sys.getfilesystemencoding(),
        "encoding_preferred": locale.getpreferredencoding(False),
        "encoding_stdout": str(getattr(sys.stdout, "encoding", "")),
        "utf8_mode": str(sys.flags.utf8_mode),
    }
    # What a program gets that asks for its user's language, as most that sort or format do.
    for kind in ("COLLATE", "NUMERIC", "TIME", "MONETARY", "MESSAGES"):
        category = getattr(locale, f"LC_{kind}", None)
        if category is not None:
            try:
                found[f"locale_{kind.lower()}"] = locale.setlocale(category, "")
            except locale.Error:
                found[f"locale_{kind.lower()}"] = "unsupported"
    try:
        found["collation"] = " ".join(sorted(SAMPLE, key=locale.strxfrm))
    except OSError as error:
        found["collation"] = type(error).__name__
    found["number_format"] = f"{1234567.5:n}"
    found["date_format"] = time.strftime("%x %X %A", time.gmtime(1705314600))
    return found


def _times():
    clock = time.get_clock_info("monotonic")
    zones = str(sysconfig.get_config_var("TZPATH") or "/usr/share/zoneinfo").split(os.pathsep)
    return {
        "tz": time.tzname[0],
        "tz_names": "/".join(time.tzname),
        # January and July of 2024: zones differ in their summer time too.
        "utc_offset": " ".join(
            time.strftime("%z", time.localtime(at)) for at in (1705314600, 1721039400)
        ),
        "localtime": os.path.realpath("/etc/localtime"),
        "tz_database": _yes(any(os.path.exists(f"{folder}/Europe/Paris") for folder in zones)),
        # A day, not a time: a clock that was set wrong shows, and two honest ones agree.
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "clock": f"{clock.implementation}, {clock.resolution:g} s",
    }


def _user():
    if not hasattr(os, "getuid"):
        return {}
    umask = os.umask(0o077)
    os.umask(umask)
    try:
        import pwd

        name = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        name = "unknown"
    home = os.path.expanduser("~")
    return {
        "uid": os.getuid(),
        "gid": os.getgid(),
        "groups": " ".join(map(str, sorted(os.getgroups()))),
        "user": name,
        "umask": f"{umask:04o}",
        "home": home,
        "writable_home": _yes(os.access(home, os.W_OK)),
    }


def _places():
    cwd, temporary = os.getcwd(), tempfile.gettempdir()
    found = {"cwd": cwd, "tmp": temporary}
    for name, path in (("root", "/"), ("cwd", cwd), ("tmp", temporary)):
        kind, options = _mount(path)
        found[f"fs_{name}"] = kind
        found[f"read_only_{name}"] = _yes(os.statvfs(path).f_flag & os.ST_RDONLY)
        found[f"noexec_{name}"] = _yes("noexec" in options)
        found[f"writable_{name}"] = _yes(os.access(path, os.W_OK))
        found[f"case_sensitive_{name}"] = _case_sensitive(path)
    if os.path.isdir("/dev/shm"):  # noqa: S108
        shared = os.statvfs("/dev/shm")  # noqa: S108
        found["shared_memory"] = str(shared.f_blocks * shared.f_frsize)
    found.update(_pytest_config(cwd))
    return found


def _mount(path):
    """Return the type and options of the file system that holds `path`."""
    best = ("", "unknown", "")
    for line in _read("/proc/self/mounts").splitlines():
        fields = line.split(" ")
        if len(fields) < 4:
            continue
        point = fields[1].replace("\\040", " ")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, fields[2], fields[3])
    return best[1], best[2].split(",")


def _case_sensitive(folder):
    """Say whether two cases of one name are two files; by a name that is there already."""
    for name in sorted(os.listdir(folder)):
        path, twin = os.path.join(folder, name), os.path.join(folder, name.swapcase())
        with contextlib.suppress(OSError):
            if path != twin:
                return _yes(not (os.path.exists(twin) and os.path.samefile(path, twin)))
    return "unknown"


def _pytest_config(folder):
    """Name the first configuration that pytest finds from here up, by its own text's hash."""
    while True:
        for name, section in (
            ("pytest.ini", r".*"),
            ("pyproject.toml", r"^\[tool\.pytest(\.ini_options)?\]$.*?(?=^\[|\Z)"),
            ("tox.ini", r"^\[pytest\]$.*?(?=^\[|\Z)"),
            ("setup.cfg", r"^\[tool:pytest\]$.*?(?=^\[|\Z)"),
        ):
            path = os.path.join(folder, name)
            match = re.search(section, _read(path), re.MULTILINE | re.DOTALL)
            if match and os.path.isfile(path):
                digest = _hash(match.group(0).strip())
                return {"pytest_rootdir": folder, "pytest_config": f"{name} {digest}"}
        if os.path.dirname(folder) == folder:
            return {"pytest_config": "none"}
        folder = os.path.dirname(folder)


def _limits():
    found = {"cpus": str(os.cpu_count())}
    if hasattr(os, "sched_getaffinity"):
        found["cpus_usable"] = str(len(os.sched_getaffinity(0)))
    with contextlib.suppress(ImportError):
        import resource

        for name in ("NOFILE", "NPROC", "AS", "CORE", "STACK", "FSIZE", "CPU", "MEMLOCK"):
            both = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))
            words = ["unlimited" if it == resource.RLIM_INFINITY else str(it) for it in both]
            found[f"limit_{name.lower()}"] = "/".join(words)
    found.update(_cgroup())
    total = re.search(r"MemTotal:\s+(\d+)", _read("/proc/meminfo"))
    if total:
        found["memory_total"] = str(int(total.group(1)) * 1024)
    return found


def _cgroup():
    quotas, memory, tasks = [], [], []
    for line in _read("/proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        for folder in _group_folders(controllers, path):
            if number == "0":
                quota, period = [*_read(f"{folder}/cpu.max").split(), "", ""][:2]
                memory.append(_read(f"{folder}/memory.max"))
            else:
                quota = _read(f"{folder}/cpu.cfs_quota_us").strip()
                period = _read(f"{folder}/cpu.cfs_period_us").strip()
                memory.append(_read(f"{folder}/memory.limit_in_bytes"))
            tasks.append(_read(f"{folder}/pids.max"))
            if quota.isdigit() and period.isdigit():
                quotas.append(int(quota) / int(period))
    # Version 1 writes "no limit" as the largest multiple of a page.
    limits = [int(text) for text in memory if text.strip().isdigit() and int(text) < 1 << 60]
    counts = [int(text) for text in tasks if text.strip().isdigit()]
    return {
        "cpu_quota": f"{min(quotas):g}" if quotas else "none",
        "memory_limit": min(limits) if limits else "none",
        "pids_limit": min(counts) if counts else "none",
    }


def _group_folders(controllers, path):
    """Return the group's folder and those above it: the least limit of them holds."""
    base = os.path.join("/sys/fs/cgroup", controllers.replace("name=", ""))
    if controllers and not os.path.isdir(base):
        base = os.path.join("/sys/fs/cgroup", controllers.split(",")[0])
    # In a container the path is often the host's, and the mount's root is the container's.
    parts = [part for part in path.split("/") if part and part != ".."]
    return [os.path.join(base, *parts[:count]) for count in range(len(parts), -1, -1)]


def _environment():
    return {f"env:{name}": _shown(name, value) for name, value in os.environ.items()}


def _shown(name, value):
    if value and SECRET.search(name) and not NOT_SECRET.search(name):
        return _hash(value)
    return USER_INFO.sub(lambda match: f"{match.group(1)}:{_hash(match.group(2))}@", value)


def _packages():
    """Return each distribution's version, from the folder names as pip writes them.

    importlib.metadata parses a file for each, which takes longer, and Python 3.7 has none.
    """
    found, plugins = {}, []
    for entry in sys.path:
        folder = entry or "."
        if os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                if name.endswith((".dist-info", ".egg-info")):
                    project, version = _distribution(folder, name)
                    key = "package:" + re.sub(r"[-_.]+", "-", project).lower()
                    # The first on the path is the one that is imported.
                    if key not in found:
                        found[key] = version
                        plugins.extend(_plugins(os.path.join(folder, name, "entry_points.txt")))
    found["pytest_plugins"] = " ".join(sorted(set(plugins)))
    return found


def _distribution(folder, name):
    project, _, version = name.rsplit(".", 1)[0].partition("-")
    if name.endswith(".egg-info"):
        version = re.sub(r"-py\d.*$", "", version)
    if not version:
        for metadata in ("METADATA", "PKG-INFO", ""):
            match = re.search(r"^Version: *(.+)$", _read(f"{folder}/{name}/{metadata}"), re.M)
            if match:
                return project, match.group(1).strip()
    return project, version


def _plugins(path):
    section = re.search(r"^\[pytest11\]$(.*?)(?=^\[|\Z)", _read(path), re.M | re.S)
    lines = section.group(1).splitlines() if section else []
    return [line.split("=")[0].strip() for line in lines if "=" in line]


def _looked_up(names):
    """Look names up in threads, which end with the program when nobody answers."""
    answers = {}
    deadline = time.monotonic() + DNS_SECONDS

    def look_up(name):
        with contextlib.suppress(OSError, UnicodeError):
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            answers[name] = " ".join(sorted({str(item[4][0]) for item in found}))

    threads = [threading.Thread(target=look_up, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()

    def dns():
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        # "No such name" and "nobody told in time" are one thing to the suite, and which of the
        # two it is changes from run to run.
        return {f"dns:{name}": answers.get(name, "no answer") for name in names}

    return dns


def _hash(text):
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _read(path):
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read()
    return ""


def _yes(value):
    return "yes" if value else "no"


def _names():
    listed = globals().get("STACK_NAMES")
    if listed is None:
        listed = sys.argv[1:] or os.environ.get("TRANSHIP_NAMES", "").split(",")
    return [name for name in listed if name]


if __name__ == "__main__":
    print(json.dumps(collect(_names()), sort_keys=True))  # noqa: T201
