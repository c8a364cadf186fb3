"""A tasks.py in which something happens in the middle of a command, as the environment says."""

TASKS = """
import importlib, os, signal, subprocess, tranship
from tranship.migration.switch.journal import Journal

ns = tranship.namespace()
plain = Journal.write

def write(journal):
    plain(journal)
    entry = journal.at
    if entry and f"{'back ' if journal.back else ''}{entry.name} {entry.state}" == at:
        os.kill(os.getpid(), signal.SIGKILL)

at = os.environ.get("KILL_AT")
if at:
    Journal.write = write

if os.environ.get("DURING"):
    where, _, name = os.environ["DURING"].rpartition(".")
    module = importlib.import_module(f"tranship.{where}")
    real = getattr(module, name)

    def patched(*arguments, **options):
        setattr(module, name, real)
        subprocess.run(["sh", "-c", os.environ["DO"]], check=True)
        return real(*arguments, **options)

    setattr(module, name, patched)
"""
"""A tasks.py that ends its own process, as `kill -9` does, when a step begins or is done.

Or that does something, once, before it calls a function.
"""
CLOSE_BESIDE = "modes.owndocker.docker_down"
"""The function that a switch to containers calls when the source is down, and they are to move."""
KILL = "kill -9 $PPID"
