"""Changes what a process has from its surroundings, and becomes the suite. Python 3.7+, alone.

The suite's interpreter runs this text: `python -c TEXT SPEC COMMAND...`. SPEC is a JSON object,
or the path of a file with one; each key is one thing to change, in the order that rights allow.
"""

import json
import os
import sys

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWNET = 0x20000, 0x4000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18


def main(spec, command):
    """Apply `spec` to this process and become `command`."""
    for path in spec.get("groups", ()):
        with open(path, "w") as stream:
            stream.write(str(os.getpid()))
    if spec.get("network"):
        _network(spec["network"])
    if spec.get("hostname"):
        _system("unshare", CLONE_NEWUTS)
        name = spec["hostname"].encode()
        _system("sethostname", name, len(name))
    if spec.get("files") or spec.get("mounts"):
        _mount_apart(spec.get("files", {}), spec.get("mounts", []))
    if "umask" in spec:
        os.umask(int(spec["umask"], 8))
    _limit(spec.get("limits", {}))
    if spec.get("cpus_usable"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: spec["cpus_usable"]])
    if spec.get("directory"):
        command = [_from_there(word, spec["directory"]) for word in command]
        os.chdir(spec["directory"])
    if spec.get("user"):
        _become(spec["user"], command)
    for name in spec.get("unset", ()):
        os.environ.pop(name, None)
    os.environ.update(spec.get("variables", {}))
    os.execvp(command[0], command)  # noqa: S606 - a program and its words, no shell


def _network(where):
    """Enter a network: `own` is a new one with a loopback, else the path of one that is there."""
    if where != "own":
        descriptor = os.open(where, os.O_RDONLY)
        _system("setns", descriptor, CLONE_NEWNET)
        return
    import fcntl
    import socket
    import struct

    _system("unshare", CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING; see netdevice(7).
        fcntl.ioctl(control, 0x8914, struct.pack("16sh", b"lo", 0x41))


def _mount_apart(files, mounts):
    """Show this process other files, and mount what it says; others see nothing of it."""
    _system("unshare", CLONE_NEWNS)
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    for path, source in files.items():
        _mount(source, os.path.realpath(path), None, MS_BIND)
    for item in mounts:
        path, kind = item["path"], item["kind"]
        if kind == "tmpfs":
            _mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, item.get("options", ""))
            continue
        if path != "/":
            # A mount of its own: to remount the one it is in would reach other folders.
            _mount(path, path, None, MS_BIND | MS_REC)
        if kind == "read-only":
            kept = {"nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC}
            held = sum(kept.get(word, 0) for word in _options(path))
            _mount(None, path, None, MS_REMOUNT | MS_BIND | MS_RDONLY | held)
    # A working folder of before the mounts would still lead past them.
    os.chdir(os.getcwd())


def _options(path):
    best = ("", "")
    with open("/proc/self/mounts") as stream:
        for line in stream:
            point, options = line.split(" ")[1], line.split(" ")[3]
            inside = path == point or path.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best[0]):
                best = (point, options)
    return best[1].split(",")


def _mount(source, target, kind, flags, options=""):
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    _system("mount", *words, flags, options.encode())


def _system(name, *arguments):
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if name == "mount":
        libc.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _limit(limits):
    if not limits:
        return
    import resource

    for name, both in limits.items():
        wanted = [resource.RLIM_INFINITY if it == "unlimited" else int(it) for it in both]
        resource.setrlimit(getattr(resource, "RLIMIT_" + name.upper()), (wanted[0], wanted[1]))


def _from_there(word, directory):
    """Return a word of the command that names the report, as it is named from `directory`."""
    option, sign, path = word.partition("=")
    if option != "--junitxml" or not sign:
        return word
    return option + "=" + os.path.relpath(os.path.abspath(path), directory)


def _become(user, command):
    for word in command:
        if word.startswith("--junitxml="):
            # pytest is to write it as the other user, in a folder that is not theirs.
            path = word.partition("=")[2]
            with open(path, "w"):
                os.chmod(path, 0o666)  # noqa: S103
    os.setgroups(user["groups"])
    os.setgid(user["gid"])
    os.setuid(user["uid"])


def _spec(word):
    if word.startswith("{"):
        return json.loads(word)
    with open(word, encoding="utf-8") as stream:
        return json.load(stream)


if __name__ == "__main__":
    main(_spec(sys.argv[1]), sys.argv[2:])
