"""SARIF 2.1.0, the format that code scanning services read (OASIS, March 2020)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .catalogue import RULES
from .model import Finding, Rule

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_BASE = "%SRCROOT%"


def sarif(findings: Sequence[Finding], root: Path) -> dict[str, Any]:
    """Return the findings as a SARIF log of one run; URIs are relative to `root`."""
    indices = {rule: index for index, rule in enumerate(RULES)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "tranship",
                        "fullName": "tranship env.check",
                        "rules": [_rule(rule) for rule in RULES.values()],
                    }
                },
                "originalUriBaseIds": {
                    _BASE: {"description": {"text": "The folder of pyproject.toml."}}
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, indices[finding.rule], root) for finding in findings],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    text = rule.explanation.rstrip()
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": text.split("\n\n")[0].replace("\n", " ")},
        # The explanation is laid out with spaces, so Markdown gets it as it is.
        "help": {"text": text, "markdown": f"```text\n{text}\n```"},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Finding, index: int, root: Path) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": f"{finding.message} {finding.mend}"},
        "partialFingerprints": {"transhipFinding/v1": _fingerprint(finding, root)},
        # All results of a run have this property where one has it (3.27.23).
        "suppressions": _suppressions(finding),
    }
    location = _location(finding, root)
    if location:
        result["locations"] = [location]
    return result


def _suppressions(finding: Finding) -> list[dict[str, str]]:
    if finding.silenced is None:
        return []
    return [{"kind": "external", "status": "accepted", "justification": finding.silenced}]


def _location(finding: Finding, root: Path) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if finding.origin is not None:
        physical: dict[str, Any] = {"artifactLocation": _artifact(finding.origin.file, root)}
        if finding.origin.line:
            physical["region"] = {"startLine": finding.origin.line}
        location["physicalLocation"] = physical
    names = [part for part in (finding.service, finding.variable) if part]
    if names:
        kind = "variable" if finding.variable else "namespace"
        location["logicalLocations"] = [
            {"name": names[-1], "fullyQualifiedName": ".".join(names), "kind": kind}
        ]
    return location


def _artifact(file: Path, root: Path) -> dict[str, str]:
    if file.is_absolute() and not file.is_relative_to(root):
        return {"uri": file.as_uri()}
    relative = file.relative_to(root) if file.is_absolute() else file
    return {"uri": quote(relative.as_posix()), "uriBaseId": _BASE}


def _fingerprint(finding: Finding, root: Path) -> str:
    """Return what a finding keeps while lines move and wording changes."""
    file = ""
    if finding.origin is not None:
        file = _artifact(finding.origin.file, root)["uri"]
    parts = (finding.rule, finding.service or "", finding.variable or "", file)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
