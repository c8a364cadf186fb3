"""Redis has on its disk what it was given, before anybody relies on it.

It writes when it is stopped, which fails on a full disk, or by a rule of its own, which may be
none: a server that is made anew, as a switch does, would then come up empty.
"""

from __future__ import annotations

import time

from ...errors import DataRefused
from .redis_store import Server, library


def save(found: Server) -> None:
    """Have all of it on the disk; raises DataRefused when it cannot be written."""
    redis = library()
    # It answers nothing before it is done, however much there is.
    client = found.client(patience=None)
    while True:
        try:
            client.execute_command("SAVE")
        except redis.ResponseError as error:
            # By a rule of its own: ours must come after it, for it may have begun before the end.
            if "in progress" in str(error):
                time.sleep(0.05)
                continue
            # Of a full disk the answer itself says nothing.
            said = f": {error}" if str(error) else ""
            words = found.last_words()
            mend = " Free some space there." if "No space left" in words else ""
            raise DataRefused(
                f"{found.store} on {found.side}: it cannot write to its disk{said}.{words}{mend}"
            ) from error
        except redis.RedisError as error:
            raise found.refused("writing to its disk", error) from error
        return
