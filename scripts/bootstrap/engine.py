"""The Docker engine: the one that answers, else one of our own for as long as it is needed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from . import apt, daemon
from .consent import Consent
from .errors import SetupError
from .progress import Progress, answer
from .shared import ENGINE_FOLDER, EngineUse, exclusive, own_folder

RUN = Path(__file__).resolve().parents[1] / "run"
SYSTEMD = Path("/run/systemd/system")
GET_ONE = (
    "No Docker engine answers. Start yours; or get one by `sudo scripts/run engine start`, "
    "by Docker Desktop, or from docs.docker.com/engine/install."
)


@dataclass(frozen=True)
class State:
    """What stands on this machine: versions, empty where there is none."""

    server: str
    compose: str
    buildx: str
    trouble: str = ""  # why the server did not answer

    @property
    def ready(self) -> bool:
        """Return whether nothing has to be done."""
        return bool(self.server) and major(self.compose) >= 2 and bool(self.buildx)

    @property
    def note(self) -> str:
        """Return the versions in one line."""
        return f"Docker {self.server}, Compose {self.compose}, Buildx {self.buildx}"


def major(version: str) -> int:
    """Return the first number of a version; 0 where there is none."""
    number = version.lstrip("v").partition(".")[0]
    return int(number) if number.isdigit() else 0


def look(ask: Callable[[list[str]], tuple[int, str, str]] = answer) -> State:
    """Ask the engine and the client's plugins for their versions."""
    code, server, trouble = ask(["docker", "version", "--format", "{{.Server.Version}}"])
    compose_code, compose, _ = ask(["docker", "compose", "version", "--short"])
    buildx_code, buildx, _ = ask(["docker", "buildx", "version"])
    words = buildx.split()
    return State(
        server=server if code == 0 else "",
        compose=compose.lstrip("v") if compose_code == 0 else "",
        buildx=words[1].lstrip("v") if buildx_code == 0 and len(words) > 1 else "",
        trouble="" if code == 0 else trouble,
    )


def refuse_what_we_cannot_mend(state: State) -> None:
    """Raise SetupError where an engine exists that another hand must mend."""
    if "permission denied" in state.trouble.lower():
        raise SetupError(
            "Your user may not use the Docker socket. `sudo usermod -aG docker $USER`, "
            "then log in again; or run this as root."
        )
    elsewhere = os.environ.get("DOCKER_HOST", "")
    if not state.server and elsewhere:
        raise SetupError("DOCKER_HOST names an engine that does not answer. Start it, or unset it.")
    if not state.server and sys.platform != "linux":
        raise SetupError(GET_ONE)


def missing_parts(state: State) -> list[str]:
    """Return the parts that packages must bring."""
    found = {
        "engine": bool(state.server) or shutil.which("dockerd") is not None,
        "cli": shutil.which("docker") is not None,
        "compose": major(state.compose) >= 2,
        "buildx": bool(state.buildx),
    }
    if not found["engine"]:  # an engine and its client belong together
        found["cli"] = False
    return [part for part, here in found.items() if not here]


class Engine:
    """One run's hold on the engine."""

    def __init__(self, progress: Progress, consent: Consent) -> None:
        self._progress = progress
        self._consent = consent
        self._use = EngineUse()

    def ensure(self, *, keep: bool = False) -> None:
        """Make an engine with Compose v2 answer; count this run as its user.

        `keep`: an engine started here outlives the runs that use it.
        """
        with self._progress.step("engine", "asking Docker") as step:
            # Counted before looking: a run that ends now must not stop what we find.
            self._use.begin()
            state, done = look(), ""
            if not state.ready:
                refuse_what_we_cannot_mend(state)
                prefix = self._consent.grant(question(state), otherwise(state))
                if prefix:
                    self._by_sudo(prefix, keep)
                    done = " (by sudo)"
                else:
                    with exclusive(own_folder() / "engine.lock"):
                        self._use.begin()
                        done = self._provide(keep)
                state = look()
                if not state.ready:
                    raise SetupError(f"Docker is still not usable: {state.trouble or state.note}")
                self._use.begin()
            record = daemon.read_record()
            if keep and record is not None and not record.kept and self._consent.root:
                daemon.write_record(replace(record, kept=True))
            step.note = state.note + done

    def _provide(self, keep: bool) -> str:
        """Install and start what is missing; return what was done, for the step's line."""
        state = look()  # another checkout may have done it while this one waited for the lock
        done = []
        missing = missing_parts(state)
        if missing:
            try:
                release = Path("/etc/os-release").read_text(encoding="utf-8")
            except FileNotFoundError:
                release = ""
            fields = apt.parse_os_release(release)
            plan = apt.plan(fields, missing)
            apt.install(self._progress, plan, fields.get("VERSION_CODENAME", ""))
            done.append("installed")
        if not look().server:
            self._start(keep)
            done.append("started")
        return f" ({', '.join(done)})" if done else ""

    def _start(self, keep: bool) -> None:
        if SYSTEMD.is_dir():
            # The machine has a keeper of services: the engine is a service like any other.
            self._progress.run(
                ["systemctl", "start", "docker"], mend="See `journalctl -u docker`.", timeout=120
            )
            return
        dockerd = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if dockerd is None:
            raise SetupError(f"The package installed no dockerd. {apt.BY_HAND}")
        daemon.start(dockerd, os.environ.get("SUDO_GID", ""), keep)

    def _by_sudo(self, prefix: list[str], keep: bool) -> None:
        self._progress.run(
            [*prefix, sys.executable, RUN, "engine", "start", *([] if keep else ["--for-a-run"])],
            mend=GET_ONE,
        )

    def release(self) -> None:
        """Stop the engine that a run started, unless another run or a container needs it."""
        self._use.end()
        record = daemon.read_record()
        if record is None or record.kept:
            return
        if self._consent.root:
            self.stop(only_unkept=True)
        else:
            answer(["sudo", "-n", sys.executable, str(RUN), "engine", "stop", "--if-unused"], 90)

    def stop(self, *, only_unkept: bool = False) -> None:
        """Stop the engine that this machine owes to us; leave one that is still needed.

        `only_unkept`: at the end of a run, where leaving it is no failure.
        """
        if not self._consent.root:
            raise SetupError("Only root may stop the engine: `sudo scripts/run engine stop`.")
        self._use.end()
        with exclusive(own_folder() / "engine.lock"), self._use.alone() as alone:
            record = daemon.read_record()
            if record is None:
                self._progress.line("engine", "not started by scripts/run: left alone")
                return
            if only_unkept and record.kept:
                return
            needed = running_containers() if alone else "another scripts/run"
            if needed and only_unkept:
                self._progress.line("engine", f"left running for {needed}")
            elif needed:
                raise SetupError(f"The engine is in use by {needed}. Stop that first.")
            else:
                with self._progress.step("engine", "stopping dockerd") as step:
                    daemon.stop(record)
                    step.note = f"dockerd stopped (pid {record.pid})"

    def status(self) -> None:
        """Print what answers, and whether we started it."""
        state = look()
        if not state.server:
            raise SetupError(state.trouble or GET_ONE)
        record = daemon.read_record()
        self._progress.line("engine", state.note)
        if record is not None:
            until = "`scripts/run engine stop`" if record.kept else "the last run ends"
            self._progress.line("dockerd", f"pid {record.pid}, started here, until {until}")
            self._progress.line("log", str(ENGINE_FOLDER / "dockerd.log"))


def running_containers() -> str:
    """Return the names of running containers, for people; empty where there are none."""
    _, names, _ = answer(["docker", "ps", "--format", "{{.Names}}"])
    found = names.split()
    return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def question(state: State) -> str:
    """Return what to ask before changing the machine."""
    missing = missing_parts(state)
    install = f"install Docker ({', '.join(missing)}) from your distribution" if missing else ""
    start = "" if state.server else "start it"
    return f"No usable Docker engine answers. May I {' and '.join(filter(None, [install, start]))}?"


def otherwise(state: State) -> str:
    """Return the one line for a machine that may not be changed."""
    if state.server and major(state.compose) < 2:
        return "Docker answers, but without Compose v2. Install the docker-compose-v2 plugin."
    if state.server:
        return "Docker answers, but without Buildx. Install the docker-buildx plugin."
    return GET_ONE
