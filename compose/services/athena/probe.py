"""The containers' health check: exit with 0 when the service on `PORT` says it is well.

It is run as `python -IS athena/probe.py`, many times a second while a service starts, so it
imports next to nothing: 20 ms a run, against 45 with urllib.
"""

import os
import socket
import sys

try:
    address = ("127.0.0.1", int(os.environ["PORT"]))
    with socket.create_connection(address, timeout=3) as connection:
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        answer = connection.makefile("rb").read()
except OSError as error:
    sys.exit(f"no answer: {error}")
if answer.split(maxsplit=2)[1:2] != [b"200"]:
    sys.exit(answer.decode(errors="replace"))
