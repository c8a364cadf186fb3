"""Writing variables to files that give back exactly what went in."""

from __future__ import annotations

from collections.abc import Mapping

_CONTROL = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def dotenv(variables: Mapping[str, str]) -> str:
    """Return an env file that python-dotenv reads back exactly (with interpolate=False).

    Single quotes, in which it knows two escapes; double ones where a control character
    must be written by its name, since a file's line ends are normalised on reading.
    """
    return "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items())


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\")
    if any(char in value for char in _CONTROL if char != "\n"):
        for char, name in _CONTROL.items():
            escaped = escaped.replace(char, name)
        return '"' + escaped.replace('"', '\\"') + '"'
    return "'" + escaped.replace("'", "\\'") + "'"


def compose_dotenv(variables: Mapping[str, str]) -> str:
    """Return an env file that Compose reads back exactly (`--env-file`).

    Inside double quotes Compose knows escapes for quote, backslash, dollar and line end;
    inside single quotes it knows none, so that a quote there could not be written.
    """
    lines = []
    for name, value in variables.items():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        escaped = escaped.replace("\n", "\\n").replace("\r", "\\r")
        lines.append(f'{name}="{escaped}"\n')
    return "".join(lines)
