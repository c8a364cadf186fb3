"""A small service that behaves as its first argument says; the suites' other side.

Every behaviour ends at once at SIGTERM: a container's first process has no default action
for it, and would keep `docker stop` waiting.
"""

import hashlib
import json
import os
import signal
import socketserver
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Handler(BaseHTTPRequestHandler):
    health = 200

    def do_GET(self):
        if self.path == "/health":
            self.answer(self.health, {"healthy": self.health == 200})
        elif self.path == "/environment":
            self.answer(200, dict(os.environ))
        elif self.path == "/work":  # a fixed amount of it
            found = b""
            for _ in range(int(os.environ.get("WORK", "0"))):
                found = hashlib.sha256(found).digest()
            self.answer(200, {"found": found.hex()})
        else:
            self.answer(404, {})

    def answer(self, status, body):
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args):
        pass


def serve(port, health=200):
    Handler.health = health
    host = os.environ.get("HOST", "0.0.0.0")
    with Server((host, int(port)), Handler) as server:
        say(f"serving on {port}")
        server.serve_forever()


def wait():
    while True:
        time.sleep(60)


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    behaviour, rest = sys.argv[1], sys.argv[2:]
    if behaviour == "serve":
        serve(rest[0])
    elif behaviour == "unwell":
        serve(rest[0], health=503)
    elif behaviour == "wait":
        say("waiting")
        wait()
    elif behaviour == "exit":
        say("the first line")
        say(f"the last words of {os.environ.get('NAME', 'it')}")
        sys.exit(int(rest[0]))
    elif behaviour == "exit-late":  # as a program does that finds out what it lacks
        time.sleep(0.4)
        say("I cannot go on")
        sys.exit(int(rest[0]))
    elif behaviour == "exit-after":  # FILE CODE: when the file appears
        while not os.path.exists(rest[0]):  # noqa: PTH110
            time.sleep(0.02)
        sys.exit(int(rest[1]))
    elif behaviour == "family":  # a child and a grandchild that ignore SIGTERM
        stubborn = (
            "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            "sys.argv[1] == 'more' and subprocess.Popen([sys.executable, '-c', "
            "'import time; time.sleep(600)']); time.sleep(600)"
        )
        subprocess.Popen([sys.executable, "-c", stubborn, "more"])
        serve(rest[0])


main()
