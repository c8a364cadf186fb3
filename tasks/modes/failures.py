"""What is said of a start that failed: which service, its state, its last words, the mend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import EnvironmentFailed, PortTaken, StackFailed
from ..stack.engine import error_text
from ..stack.model import Service
from . import containers
from .containers import ContainerInfo

if TYPE_CHECKING:
    from .docker import DockerMode

_NO_PROGRAM = range(126, 129)
"""The exit codes that the engine gives a container whose first process it could not start."""

SLOW = (
    "If it is only slow: `--timeout SECONDS`, or [tool.tranship] start-timeout. Else see whether "
    "its probe asks where it listens."
)


class Failures:
    """The errors of one start of a DockerMode."""

    def __init__(self, mode: DockerMode) -> None:
        self._mode = mode

    def of(self, item: ContainerInfo | None, what: str, service: str = "") -> StackFailed:
        """Return the error for a container of which `what` is the case."""
        return StackFailed(self._shown(item, what, service))

    def of_up(self, error: BaseException) -> EnvironmentFailed:
        """Return the error for a `docker compose up` that failed."""
        text = error_text(error)
        if "already allocated" in text or "address already in use" in text:
            return PortTaken(f"{text} Free it, or change `ports:`.")
        for item in self._containers():
            lost = item.status in {"exited", "dead", "restarting"}
            fine = item.exit_code == 0 and self._mode.stack.expected_to_exit(item.service)
            if lost and not fine:
                return self.of(item, f"exited with code {item.exit_code}")
            if item.health == "unhealthy":
                return self.of(item, f"is unhealthy ({item.health_output})")
            if item.status == "created" and item.exit_code in _NO_PROGRAM:
                return StackFailed(
                    f"{item.service} cannot be started: {text}. Mend its `command:` or "
                    "`entrypoint:` in the compose file, or install that program in its image."
                )
        return EnvironmentFailed(f"docker compose up failed: {text}")

    def late(
        self, wanted: Mapping[str, Service], ready: Mapping[str, float], answers: Mapping[str, str]
    ) -> StackFailed:
        """Return the error for services that did not answer in time."""
        infos = {item.service: item for item in self._containers()}
        late = [
            name
            for name in wanted
            if name not in ready or (name in infos and infos[name].health not in (None, "healthy"))
        ]
        seconds = f"{self._mode.settings.start_timeout:g} s"
        lines = [f"Not healthy after {seconds}: {', '.join(late)}. {SLOW}"]
        # The one to look at first is the one that the others wait for.
        first = next((name for name in late if name in infos and infos[name].running), None)
        if first is not None:
            health = infos[first].health
            state = f"is {health}" if health else "has no healthcheck"
            answer = answers.get(first, infos[first].health_output or "none")
            lines.append(self._shown(infos[first], f"{state}, last answer: {answer}"))
        return StackFailed("\n".join(lines))

    def _containers(self) -> tuple[ContainerInfo, ...]:
        return containers.of_project(self._mode.client, self._mode.project_name)

    def _shown(self, item: ContainerInfo | None, what: str, service: str = "") -> str:
        if item is None:
            return f"{service} {what}, and its container is gone."
        killed = ", killed for memory" if item.oom_killed else ""
        mend = MENDS.get(what, "") if not item.oom_killed else _MORE_MEMORY
        log = "\n".join(f"    {line}" for line in self._mode.tail(item).splitlines())
        return (
            f"{item.service} {what} (state {item.status}, exit code {item.exit_code}{killed}, "
            f"{item.restarts} restarts). {mend}Last lines of its log:\n{log}"
        )


MENDS = {
    "exited with code 0": "If it ends by design, give it `x-tranship: {oneshot: true}`. ",
}
_MORE_MEMORY = "Give it more (`mem_limit:`), or let it need less. "
