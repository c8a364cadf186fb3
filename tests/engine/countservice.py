"""Keeps what it is told in Redis, and in PostgreSQL where there is one; no library needed.

POST /count/ID  kept in both, once, however often it is sent; 200 only when it is
GET /counts     what is kept in each
GET /health     200 when both answer
"""

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import socketserver
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit


class Refused(Exception):
    """A server that says no."""


class Postgres:
    """One connection, by protocol version 3 with SCRAM-SHA-256."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.password = unquote(parts.password or "")
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=5)
        self.stream = self.socket.makefile("rb")
        user, database = parts.username, parts.path.strip("/")
        body = struct.pack("!i", 196608) + f"user\0{user}\0database\0{database}\0\0".encode()
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self.login()

    def close(self):
        self.stream.close()
        self.socket.close()

    def send(self, kind, body):
        self.socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def message(self):
        kind = self.stream.read(1)
        if not kind:
            raise Refused("the connection was closed")
        body = self.stream.read(struct.unpack("!i", self.stream.read(4))[0] - 4)
        if kind == b"E":
            fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
            raise Refused(fields.get(b"M", b"?").decode())
        return kind, body

    def login(self):
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        while True:
            kind, body = self.message()
            if kind == b"Z":
                return
            if kind != b"R":
                continue
            code, data = struct.unpack("!i", body[:4])[0], body[4:]
            if code == 10:
                start = f"n,,{first}".encode()
                self.send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(start)) + start)
            elif code == 11:
                given = dict(part.split("=", 1) for part in data.decode().split(","))
                salt = base64.b64decode(given["s"])
                salted = hashlib.pbkdf2_hmac(
                    "sha256", self.password.encode(), salt, int(given["i"])
                )
                key = hmac.digest(salted, b"Client Key", "sha256")
                bare = f"c=biws,r={given['r']}"
                said = f"{first},{data.decode()},{bare}".encode()
                signed = hmac.digest(hashlib.sha256(key).digest(), said, "sha256")
                proof = bytes(a ^ b for a, b in zip(key, signed, strict=True))
                self.send(b"p", f"{bare},p={base64.b64encode(proof).decode()}".encode())
            elif code not in (0, 12):
                raise Refused(f"authentication {code}")

    def query(self, sql):
        self.send(b"Q", sql.encode() + b"\0")
        rows, failure = [], None
        while True:
            try:
                kind, body = self.message()
            except Refused as error:
                failure = failure or error
                if "closed" in str(error) or "terminating" in str(error):
                    raise
                continue
            if kind == b"D":
                length = struct.unpack("!i", body[2:6])[0]
                rows.append(body[6 : 6 + length].decode())
            if kind == b"Z":
                if failure is not None:
                    raise failure
                return rows


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def redis(url, *words):
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        stream = connection.makefile("rb")
        if parts.password:
            redis_call(connection, stream, "AUTH", unquote(parts.password))
        return redis_call(connection, stream, *words)


def redis_call(connection, stream, *words):
    lines = [f"*{len(words)}\r\n"] + [f"${len(w.encode())}\r\n{w}\r\n" for w in words]
    connection.sendall("".join(lines).encode())
    return redis_answer(stream)


def redis_answer(stream):
    line = stream.readline().decode().rstrip("\r\n")
    if not line or line[0] == "-":
        raise Refused(line or "the connection was closed")
    if line[0] == "*":
        return [redis_answer(stream) for _ in range(int(line[1:]))]
    if line[0] == "$":
        size = int(line[1:])
        return None if size < 0 else stream.read(size + 2)[:-2].decode()
    return line[1:]


def in_postgres(sql):
    if "DATABASE_URL" not in os.environ:
        return []
    found = Postgres(os.environ["DATABASE_URL"])
    try:
        return found.query(sql)
    finally:
        found.close()


class Handler(BaseHTTPRequestHandler):
    ill = False

    def do_POST(self):
        kind, _, name = self.path.strip("/").partition("/")
        if kind == "ill":
            Handler.ill = True
            self.answer(200, {})
            return
        self.tried(lambda: self.keep(name))

    def keep(self, name):
        in_postgres(f"INSERT INTO counts (id) VALUES ('{name}') ON CONFLICT DO NOTHING")
        redis(os.environ["REDIS_URL"], "SADD", "counts", name)
        return {"kept": name}

    def do_GET(self):
        if self.path == "/counts":
            self.tried(
                lambda: {
                    "postgres": in_postgres("SELECT id FROM counts ORDER BY number"),
                    "redis": redis(os.environ["REDIS_URL"], "SMEMBERS", "counts"),
                }
            )
        elif self.path == "/health":
            self.tried(self.healthy)
        else:
            self.answer(404, {})

    def healthy(self):
        if Handler.ill:
            raise Refused("told to be ill")
        return {
            "postgres": in_postgres("SELECT 1"),
            "redis": redis(os.environ["REDIS_URL"], "PING"),
            "side": os.environ.get("SIDE"),
        }

    def tried(self, work):
        try:
            self.answer(200, work())
        except (OSError, Refused, ValueError) as error:
            self.answer(503, {"error": str(error)})

    def answer(self, status, body):
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        try:
            in_postgres("CREATE TABLE IF NOT EXISTS counts (number serial, id text PRIMARY KEY)")
            break
        except (OSError, Refused) as error:
            say(f"not yet: {error}")
            time.sleep(0.1)
    with Server((os.environ.get("HOST", "0.0.0.0"), int(sys.argv[1])), Handler) as server:
        say(f"serving on {sys.argv[1]}")
        server.serve_forever()


if __name__ == "__main__":
    main()
