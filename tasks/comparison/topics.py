"""What code and failure texts say about each part of a fingerprint.

Words of code are parts of dotted names (`os.cpu_count`, `locale`), whole ones; words of a text
are looked for as they stand. The messages are CPython's, libc's and pytest's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """Rows of the fingerprint, and what speaks of them."""

    keys: str
    """A pattern of whole keys."""
    code: str = ""
    """A pattern of whole parts of a dotted name."""
    text: str = ""
    """A pattern of the failure's text."""
    common: str = ""
    """As `code`, of what so many tests use that it says little."""

    def covers(self, key: str) -> bool:
        """Return whether the row is one of this topic's."""
        return re.fullmatch(self.keys, key) is not None

    def in_code(self, name: str) -> bool:
        """Return whether a dotted name speaks of it."""
        return _has_part(self.code, name)

    def in_common(self, name: str) -> bool:
        """Return whether a dotted name speaks of it that most tests have."""
        return _has_part(self.common, name)

    def in_text(self, text: str) -> str:
        """Return the words of a failure that speak of it; empty where none do."""
        found = re.search(self.text, text) if self.text else None
        return found[0] if found else ""


def _has_part(pattern: str, name: str) -> bool:
    return bool(pattern) and re.search(rf"(?:^|\.)(?:{pattern})(?=\.|$)", name) is not None


_WRITES = "write_text|write_bytes|mkdir|makedirs|touch|unlink|rename|shutil|open|tempfile|tmp_path"
_READS = "read_text|read_bytes|open|exists|is_file|listdir|iterdir|glob|rglob"
_DENIED = r"Permission denied|PermissionError|Operation not permitted|\bEACCES\b"
_DENIED_PATH = r"(?:Permission denied|Operation not permitted|EACCES)[^\n]*?: b?['\"/]"
_MISSING = r"No such file or directory|FileNotFoundError"

TOPICS: tuple[Topic, ...] = (
    Topic(
        "tz|tz_names|utc_offset|localtime|env:TZ",
        "localtime|mktime|tzset|tzname|timezone|altzone|ctime|strftime|now|today|fromtimestamp"
        "|astimezone|zoneinfo|pytz|dateutil",
        r"(?i:time ?zone)|\b(UTC|GMT|CES?T|[EP][SD]T|JST|tzinfo)\b|[+-]\d\d:?\d\d\b"
        r"|\b\d\d:\d\d(:\d\d)?\b",
    ),
    Topic("tz_database|package:tzdata", "zoneinfo|ZoneInfo", "ZoneInfoNotFound|No time zone found"),
    Topic(
        "collation|locale_collate|env:LC_(ALL|COLLATE)|env:LANG",
        "strxfrm|strcoll",
        r"At index \d+ diff",
    ),
    Topic(
        "locale.*|number_format|date_format|env:(LANG|LANGUAGE|LC_.*)",
        "locale|localeconv|setlocale|format_string|currency|gettext|babel",
        r"\blocale\b",
    ),
    Topic(
        "encoding.*|utf8_mode|locale|env:(PYTHONUTF8|PYTHONIOENCODING|LANG|LC_.*)",
        "getpreferredencoding|getdefaultencoding|getfilesystemencoding",
        r"Unicode(De|En)codeError|codec can't|surrogates not allowed",
        "open|read_text|write_text",
    ),
    Topic(
        "uid|user|capabilities",
        "getuid|geteuid|getlogin|getuser|pwd|chown|setuid|owner",
        rf"{_DENIED}|\b(root|uid|getpwuid)\b",
        "chmod",
    ),
    Topic("gid|groups", "getgid|getegid|getgroups|grp|chown|setgid", r"\b(gid|getgrgid)\b"),
    Topic("umask", "umask|chmod|st_mode|S_IMODE|filemode|stat", r"\b0o[0-7]{3}\b|umask|st_mode"),
    Topic("read_only_.*", "", r"Read-only file system|\bEROFS\b", _WRITES),
    Topic("writable_home", "home|expanduser"),
    Topic("writable_tmp", "gettempdir|mkdtemp|mkstemp|TemporaryDirectory|NamedTemporaryFile"),
    Topic("writable_.*", "access", _DENIED_PATH, _WRITES),
    Topic("noexec_.*", "execv|CDLL", "", "subprocess"),
    Topic("case_sensitive_.*", "normcase", rf"{_MISSING}|FileExistsError", _READS),
    Topic("cwd|home|env:HOME", "getcwd|cwd|chdir|expanduser|home", _MISSING, _READS),
    Topic("tmp|env:TMPDIR|fs_tmp", "gettempdir", "", "tempfile|tmp_path"),
    Topic("fs_.*", "link|symlink|hardlink_to|flock|fsync|sendfile", r"cross-device|Errno 18"),
    Topic("env:PATH", "which", r"command not found", "subprocess"),
    Topic("python_path|env:PYTHONPATH", "import_module|path", "No module named"),
    Topic(
        "cpus|cpus_usable|cpu_quota",
        "cpu_count|sched_getaffinity|process_cpu_count|multiprocessing|ThreadPoolExecutor"
        "|ProcessPoolExecutor|joblib",
        r"\b(cpus?|cores?|workers?|processors?|cpu_count)\b",
    ),
    Topic(
        "memory_limit|limit_as|memory_total",
        "resource|bytearray|virtual_memory|mmap|RLIMIT_AS|getrlimit",
        r"MemoryError|[Cc]annot allocate|\bKilled\b|SIGKILL|(?i:out of memory)|\b137\b|signal 9"
        r"|returned? .*-9\b",
    ),
    Topic(
        "shared_memory",
        "shared_memory|SharedMemory|shm",
        r"No space left|Bus error|SIGBUS|/dev/shm",
    ),
    Topic("limit_nofile", "RLIMIT_NOFILE|getrlimit", r"Too many open files"),
    Topic(
        "limit_nproc|pids_limit",
        "RLIMIT_NPROC|threading|fork",
        r"can't start new thread|Resource temporarily unavailable",
    ),
    Topic("limit_stack", "setrecursionlimit|stack_size", "RecursionError|Segmentation|SIGSEGV"),
    Topic("limit_(core|fsize|cpu|memlock)", "setrlimit|mlock", "File too large|SIGXCPU|SIGXFSZ"),
    Topic(
        "dns:.*|dns_search",
        "getaddrinfo|gethostbyname|gethostbyname_ex|gethostbyaddr|create_connection|getfqdn",
        r"Name or service not known|getaddrinfo|name resolution|gaierror|nodename nor servname"
        r"|No address associated|could not translate host name|Name does not resolve",
    ),
    Topic("dns:localhost|ipv6", "AF_INET6", r"::1\b|Cannot assign requested address"),
    Topic(
        "ports_from|uid|capabilities",
        "bind|listen|HTTPServer",
        r"\bbind\b.*denied|Permission denied.*port",
    ),
    Topic("hostname|env:HOSTNAME", "gethostname|getfqdn|node|uname", ""),
    Topic("hash_seed|env:PYTHONHASHSEED", "hash|PYTHONHASHSEED", "", "set|frozenset"),
    Topic("python_flags|env:PYTHONOPTIMIZE", "__debug__", r"DID NOT RAISE .*AssertionError"),
    Topic(
        "python|implementation|python_gil|python_flags",
        "version_info|hexversion|python_version|python_implementation|_is_gil_enabled|flags",
        r"SyntaxError|Python \d\.\d+",
    ),
    Topic("sqlite", "sqlite3|aiosqlite", r"sqlite3?\b"),
    Topic("openssl", "ssl|OpenSSL|cryptography", r"\bSSL|(?i:certificate)|\bTLS"),
    Topic("env:SSL_CERT_(FILE|DIR)", "ssl|create_default_context", r"CERTIFICATE_VERIFY_FAILED"),
    Topic("zlib", "zlib|gzip|compress", r"\bzlib\b|incorrect header check"),
    Topic("machine|byteorder", "machine|byteorder|struct|ctypes", r"x86_64|aarch64|arm64"),
    Topic("libc|os|kernel", "libc_ver|release|system|uname|freedesktop_os_release", "GLIBC|musl"),
    Topic(
        "date|clock",
        "now|today|utcnow|gmtime|get_clock_info",
        r"(?i:expired|not yet valid|in the (past|future))|\b20\d\d-\d\d-\d\d\b",
        "time|monotonic",
    ),
    Topic(
        "pytest_plugins|package:pytest.*",
        "asyncio|anyio|trio|benchmark|mocker",
        r"fixture '\w+' not found|async def functions are not|unrecognized arguments"
        r"|unknown hook|Unknown pytest\.mark",
    ),
    Topic("pytest_config", "", r"Unknown pytest\.mark|Warning:|not found in `markers`"),
    Topic(
        "pid_1|signals_ignored", "getpid|kill|waitpid|signal|SIGPIPE", r"\bSIG[A-Z]{3,}\b|zombie"
    ),
)
