"""The smoke tests: a part of the suite, run on this host against where the stack answers.

From here, in whatever placement: it is the published ports that clients will dial.
"""

from __future__ import annotations

import collections
import threading
from pathlib import Path

from ...envmap.secrets import mask_text
from ...errors import StackFailed
from ...modes.hostsuite import HostSuite
from ...modes.launch import clean_environment
from ...modes.local import LocalMode
from ...modes.ownlocal import local_mode
from ...stack.placement import Placement, Ports, declared_ports
from .arrangement import Arrangement, Free

_NO_TESTS = 5
"""pytest's exit code for a run that selected nothing."""
_LINES = 20


def smoke(here: Arrangement, ports: Free | None, root: Path) -> str:
    """Run the tests that the settings select; return a sentence.

    Raises StackFailed with the last lines of the output when one fails, or none was selected.
    """
    settings = here.project.settings
    if not settings.migrate.smoke:
        return "No smoke tests: [tool.tranship.migrate] smoke names none."
    command = (*settings.suite.command, *settings.migrate.smoke, *_paths(here, root))
    folder = settings.state_directory / "migration"
    suite = HostSuite(command, _environment(here, ports), root, folder / "smoke.xml")
    timer = threading.Timer(settings.suite.timeout, suite.kill)
    timer.start()
    lines: collections.deque[str] = collections.deque(maxlen=_LINES)
    try:
        for line in suite.lines():
            lines.append(mask_text(line.rstrip("\n"), here.project.hidden))
        code = suite.wait()
    finally:
        timer.cancel()
        suite.close()
    if code == 0:
        return f"{lines[-1].strip('= ')}." if lines else "Passed."
    what = "selected no test" if code == _NO_TESTS else "failed"
    if code is None:
        what = f"did not end within {settings.suite.timeout:g} s"
    shown = "\n".join(f"    {line}" for line in lines)
    raise StackFailed(f"The smoke tests {what} on {here.name}:\n{shown}")


def _paths(here: Arrangement, root: Path) -> tuple[str, ...]:
    """Return the suite's paths, unless the arguments name some."""
    words = here.project.settings.migrate.smoke
    named = any((root / word.split("::")[0]).exists() for word in words if word[:1] != "-")
    return () if named else here.project.settings.suite.paths


def _environment(here: Arrangement, ports: Free | None) -> dict[str, str]:
    """Return the variables of the suite's service as a process of this host has them."""
    project = here.project
    declared = declared_ports(project.stack).local
    sides = here.mode.sides
    at = {**declared, **(ports or {})}
    table = Ports(
        local={key: port for key, port in at.items() if sides.get(key[0]) == "local"},
        published={key: port for key, port in at.items() if sides.get(key[0]) != "local"},
    )
    suite = project.settings.suite.service
    own: LocalMode = local_mode(project.settings)
    variables = {}
    if suite is not None:
        placement = Placement({**dict.fromkeys(project.stack.services, "docker"), **sides})
        environment = project.envmap.environment(suite, placement, table, side="local")
        variables = {variable.name: variable.value for variable in environment}
    return {**clean_environment(own.bin_directory), **variables}
