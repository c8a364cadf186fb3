"""Evidence: what is kept of a target before it is stopped, for whoever asks why."""

from __future__ import annotations

from pathlib import Path

from ...comparison.fingerprints import differences
from ...errors import TranshipError
from ...settings import Settings
from ...stack.isolation import write_private
from ...trials import record
from .arrangement import Arrangement

_LINES = 200
FINGERPRINTS = "fingerprints.txt"


def keep_evidence(here: Arrangement, settings: Settings, folder: Path) -> None:
    """Write each service's last log lines, and what the last trials' fingerprints differ in."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        tails = here.tails(_LINES)
    except TranshipError as error:
        tails = {"(all)": f"No logs: {error}"}
    for service, text in tails.items():
        write_private(folder / f"{service}.log", f"{text}\n")
    write_private(folder / FINGERPRINTS, f"{_fingerprints(settings)}\n")


def _fingerprints(settings: Settings) -> str:
    """Return the suspicious differences of the newest trials of both sides, one a line."""
    try:
        both = [record.newest_batch(settings.trials, mode) for mode in ("local", "docker")]
    except TranshipError as error:
        return f"The records of trials cannot be read: {error}"
    if not all(both):
        return "Not known: no trial of both sides is recorded. Make them: nox"
    local, docker = (runs[-1].fingerprint for runs in both)
    found = [d for d in differences(local, docker) if not d.expected]
    if not found:
        return "Nothing that the placement does not explain."
    return "\n".join(
        f"{d.key}: {d.baseline or '-'} on local, {d.candidate or '-'} on docker ({d.why})"
        for d in found
    )
