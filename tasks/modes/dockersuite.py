"""The suite inside the compose network, where services have their names and own ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EnvironmentFailed
from ..stack.engine import error_text
from .background import end_docker_children

if TYPE_CHECKING:
    from python_on_whales import DockerClient

_REPORT = "/tmp/tranship-report.xml"  # noqa: S108 - inside a container of its own


class OneOff:
    """A command in a one-off container of the suite's service."""

    def __init__(
        self,
        client: DockerClient,
        service: str,
        command: Sequence[str],
        name: str,
        environment: Mapping[str, str],
        what: str,
    ) -> None:
        from python_on_whales.exceptions import DockerException

        self._client = client
        self._name = name
        self._killed = False
        try:
            client.compose.run(
                service,
                list(command),
                detach=True,
                tty=False,
                dependencies=False,
                name=name,
                envs=dict(environment),
            )
        except DockerException as error:
            # A container that was made and could not start would keep its name.
            self.close()
            raise EnvironmentFailed(f"{what} cannot be started: {error_text(error)}") from error

    def lines(self) -> Iterator[str]:
        """Yield its output line by line until it ends."""
        output: Iterable[tuple[str, bytes]] = self._client.container.logs(  # type: ignore[assignment]
            self._name, follow=True, stream=True
        )
        for _, raw in output:
            yield raw.decode(errors="replace")

    def interrupt(self) -> None:
        """Send SIGINT to pytest, the container's first process."""
        self._signal("SIGINT")

    def kill(self) -> None:
        """End the container."""
        self._killed = True
        self._signal("SIGKILL")

    def wait(self) -> int | None:
        """Return pytest's exit code; None when it was killed."""
        code = int(self._client.container.wait(self._name))
        return None if self._killed or code == 137 else code

    def close(self) -> None:
        """Remove the container and its anonymous volumes."""
        from python_on_whales.exceptions import DockerException

        end_docker_children(self._name, "logs")
        with suppress(DockerException):
            self._client.container.remove(self._name, force=True, volumes=True)

    def _signal(self, name: str) -> None:
        from python_on_whales.exceptions import DockerException

        with suppress(DockerException):  # it has ended by itself
            self._client.container.kill(self._name, signal=name)


class ContainerSuite(OneOff):
    """pytest in a container of the suite's service."""

    def __init__(
        self,
        client: DockerClient,
        service: str,
        command: Sequence[str],
        name: str,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(
            client, service, (*command, f"--junitxml={_REPORT}"), name, environment, "The suite"
        )

    def fetch_report(self, destination: Path) -> bool:
        """Copy the JUnit report out of the container."""
        from python_on_whales.exceptions import DockerException

        try:
            self._client.container.copy((self._name, _REPORT), destination)
        except DockerException:
            return False
        return destination.is_file()
