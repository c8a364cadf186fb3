"""A `docker` command that answers from a table and remembers how it was called."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROGRAM = """\
import json, os, sys
folder = os.path.dirname(os.path.abspath(__file__))
argv = sys.argv[1:]
with open(os.path.join(folder, "calls.jsonl"), "a") as stream:
    stream.write(json.dumps([argv, dict(os.environ)]) + "\\n")
with open(os.path.join(folder, "answers.json")) as stream:
    answers = json.load(stream)
for number, words, out, err, code, times in answers:
    rest = iter(argv)
    if all(word in rest for word in words):
        if times is not None:
            with open(os.path.join(folder, f"used-{number}"), "a") as stream:
                if stream.tell() >= times:
                    continue
                stream.write("x")
        sys.stdout.write(out)
        sys.stderr.write(err)
        sys.exit(code)
sys.exit(f"unexpected call: docker {' '.join(argv)}")
"""


@dataclass(frozen=True)
class Call:
    """One call: its arguments and its whole environment."""

    argv: list[str]
    environment: dict[str, str]


class FakeDocker:
    """Answers each call by the newest rule whose words stand in it in that order."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        program = folder / "docker.py"
        program.write_text(_PROGRAM)
        command = folder / "docker"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{program}" "$@"\n')
        command.chmod(0o755)
        self._answers: list[list[Any]] = []
        version = {"Client": {"Version": "28.0.0"}, "Server": {"Version": "28.0.0"}}
        self.answer("version", "-f", out=json.dumps(version))
        self.answer("compose", "version", out="Docker Compose version v2.26.1\n")
        self.answer("buildx", "version", out="github.com/docker/buildx v0.13.1 abc\n")
        for kind in ("container", "network", "volume"):
            self.answer(kind, "list")
            self.answer(kind, "ls")

    def answer(
        self,
        *words: str,
        out: str = "",
        err: str = "",
        code: int = 0,
        times: int | None = None,
    ) -> None:
        """Add a rule; after `times` uses the older ones answer again."""
        self._answers.insert(0, [len(self._answers), words, out, err, code, times])
        (self.folder / "answers.json").write_text(json.dumps(self._answers))

    def resolves_to(self, document: dict[str, Any]) -> None:
        """Let `docker compose config` print this document, as it stands."""
        self.answer("compose", "config", out=json.dumps(document))

    @property
    def calls(self) -> list[Call]:
        path = self.folder / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [Call(*json.loads(line)) for line in lines]

    def called_with(self, word: str) -> list[Call]:
        return [call for call in self.calls if word in call.argv]
