"""What the suite could see of its environment, as flat text. Runs on its own, Python 3.7+.

The suite's interpreter on either side runs this file's text; it prints one JSON object.
"""

import hashlib
import json
import locale
import os
import platform
import sys
import sysconfig
import time


def collect():
    """Return the fingerprint: name -> text."""
    return {
        "python": platform.python_version(),
        "python_build": _build(),
        "implementation": platform.python_implementation(),
        "os": _os_release(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "machine": platform.machine(),
        "locale": locale.setlocale(locale.LC_CTYPE),
        "encoding": sys.getfilesystemencoding(),
        "tz": time.tzname[0],
        "uid": str(os.getuid()) if hasattr(os, "getuid") else "",
        "cwd": os.getcwd(),  # noqa: PTH109 - one file for old interpreters too
        "cpus": str(os.cpu_count()),
    }


def _build():
    """Name the interpreter build by what it was compiled with and its stdlib's own hash."""
    parts = [
        platform.python_compiler(),
        str(sysconfig.get_config_var("OPT")),
        str(sysconfig.get_config_var("PGO_PROF_USE_FLAG")),
        " ".join(platform.python_build()),
    ]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    return "{} {} {}".format(" ".join(platform.python_build()), platform.python_compiler(), digest)


def _os_release():
    try:
        with open("/etc/os-release") as stream:  # noqa: PTH123
            lines = dict(line.rstrip("\n").split("=", 1) for line in stream if "=" in line)
        return lines.get("PRETTY_NAME", "").strip('"')
    except OSError:
        return platform.platform()


if __name__ == "__main__":
    print(json.dumps(collect(), sort_keys=True))  # noqa: T201
