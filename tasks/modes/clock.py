"""When a process of this host began, to a hundredth of a second."""

from __future__ import annotations

import os
import time
from pathlib import Path


def started_at(pid: int) -> float | None:
    """Return the start of a process in seconds since the epoch; None when it is gone.

    psutil's create_time adds the start to the boot time, which Linux gives in whole
    seconds: up to 1 s wrong. The process's age on the boot clock is exact to a tick.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # The second field is the name in parentheses, which may hold spaces; see proc(5).
        ticks = int(text.rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return time.time() - age
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
