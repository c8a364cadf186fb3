"""YAML of manifests: the same input, the same bytes, and read by others as it was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@-]*(:[A-Za-z0-9_./@-]+)*|\d+(m|k|M|G|Ki|Mi|Gi|Ti)")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}


@cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes what other readers take for numbers or booleans in quotes, lists indented."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
            return True

    def text(dumper: Any, value: str) -> Any:
        # Go's reader takes `1e3` and `0o14` for numbers, which PyYAML's does not.
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        style = None if plain else '"'
        if "\n" in value and not re.search(r"[ \t]\n|\r|\A[ \n]", value):
            style = "|"
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper


def yaml_of(documents: Iterable[Any]) -> str:
    """Return the documents as one YAML text."""
    import yaml

    text: str = yaml.dump_all(
        documents,
        Dumper=_dumper(),
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        explicit_start=True,
        width=2**31,
    )
    return text
