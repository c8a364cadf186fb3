"""The names of the project's own images, where others than this engine pull them."""

from __future__ import annotations

from collections.abc import Iterator

from .findings import Finding


def elsewhere(name: str, registry: str, tag: str) -> str:
    """Return an image's name in the registry, under the tag; empty ones leave what it has."""
    repository, known = _parts(name)
    if registry:
        # The registry of an image that already names one is replaced.
        plain = repository.split("/", 1)[1] if _has_registry(repository) else repository
        repository = f"{registry}/{plain}"
    return f"{repository}:{tag or known or 'latest'}"


def findings_of(service: str, name: str, mend: str) -> Iterator[Finding]:
    """Yield what is wrong with the name of an image that is built here; `mend` says what helps."""
    repository, tag = _parts(name)
    if not _has_registry(repository):
        yield Finding(service, f"image {repository}: is built here and in no registry; {mend}")
    if tag == "latest":
        what = f"image {repository}: no tag but latest; --tag tells one roll-out from the last"
        yield Finding(service, what, lost=False)


def _parts(name: str) -> tuple[str, str]:
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (name, "")


def _has_registry(repository: str) -> bool:
    # Docker's reference: the first part is a host when it has a dot or a port, or is localhost.
    first, slash, _ = repository.partition("/")
    return bool(slash) and (first == "localhost" or "." in first or ":" in first)
