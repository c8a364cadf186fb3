"""What a container may do."""

from __future__ import annotations

from typing import Any

from ..findings import Finding
from .model import Container


def pod_security(container: Container) -> dict[str, Any]:
    """Return the pod's securityContext."""
    _, group = _numbers(container.user)
    found: dict[str, Any] = {}
    if container.volumes and group:
        # A new volume belongs to root; Docker gives it the owner of the image's folder.
        found["fsGroup"] = group
    if container.groups:
        found["supplementalGroups"] = list(container.groups)
    # Docker's own default; Kubernetes has none.
    found["seccompProfile"] = {"type": "Unconfined" if container.unconfined else "RuntimeDefault"}
    if container.sysctls:
        found["sysctls"] = [
            {"name": name, "value": value} for name, value in sorted(container.sysctls.items())
        ]
    return found


def container_security(container: Container) -> tuple[dict[str, Any], list[Finding]]:
    """Return the container's securityContext, and what it cannot say."""
    result: dict[str, Any] = {}
    found: list[Finding] = []
    uid, gid = _numbers(container.user)
    if uid is not None:
        result["runAsUser"] = uid
        if gid is not None:
            result["runAsGroup"] = gid
        if uid:
            result["runAsNonRoot"] = True
    if container.user and (uid is None or (":" in container.user and gid is None)):
        found.append(Finding(container.name, f"user {container.user}: only numbers can be written"))
    if container.no_new_privileges and not container.privileged:
        result["allowPrivilegeEscalation"] = False
    if container.read_only:
        result["readOnlyRootFilesystem"] = True
    if container.privileged:
        result["privileged"] = True
    capabilities = {
        key: list(words)
        for key, words in (("add", container.cap_add), ("drop", container.cap_drop))
        if words
    }
    if capabilities:
        result["capabilities"] = capabilities
    return result, found


def _numbers(user: str | None) -> tuple[int | None, int | None]:
    uid, _, gid = (user or "").partition(":")
    return (int(uid) if uid.isdigit() else None), (int(gid) if gid.isdigit() else None)
