"""The options of `inv docker.build` as Buildx takes them."""

from __future__ import annotations

import re

from ...errors import UsageError
from ...modes.baking import Asked
from ...modes.building import PROGRESS

_PAIRS = re.compile(r"[\w.-]+=[^,]+(,[\w.-]+=[^,]+)*")


def asked(
    *, pull: bool, cache: bool, progress: str, sbom: str | bool, provenance: str | bool
) -> Asked:
    """Return what a build is asked for.

    Raises UsageError for a word that Buildx does not know.
    """
    if progress and progress not in PROGRESS:
        raise UsageError(f"Unknown progress {progress!r}. Buildx knows {', '.join(PROGRESS)}.")
    attest = (
        *_attestation("sbom", sbom, "generator=IMAGE"),
        *_attestation("provenance", provenance, "mode=max"),
    )
    return Asked(pull, cache, progress, attest)


def _attestation(kind: str, value: str | bool, example: str) -> tuple[str, ...]:
    if not value or value == "false":
        return ()
    if value is True or value == "true":
        return (f"type={kind}",)
    if not _PAIRS.fullmatch(str(value)):
        raise UsageError(
            f"--{kind} {value}: it stands alone, or has what Buildx takes, such as {example}."
        )
    return (f"type={kind},{value}",)
