"""A stack whose store is MariaDB on both sides, and what is put into it."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .projects import PYTHON_IMAGE, REPOSITORY, Project, docker, free_port, until
from .switchstack import PACE, WAIVED

sys.path.insert(0, str(REPOSITORY / "scripts"))

from bootstrap import mariadb
from bootstrap.progress import Progress

PASSWORD = "s3cr'et$x"
SCRIPT = REPOSITORY / "compose/standin/mariadb.sh"


@dataclass(frozen=True)
class Programs:
    """The stand-in image, and its programs for this host."""

    image: str
    folder: Path
    libraries: Path


def programs(folder: Path) -> Programs:
    """Return the image, made where it is absent, and its programs in `folder`."""
    with (folder / "said").open("w") as said:
        image = mariadb.standin(REPOSITORY, Progress(folder / "log", said))
    container = docker("create", image)
    try:
        (folder / "usr").mkdir()
        for name in ("bin", "sbin", "share", "lib"):
            docker("cp", "--quiet", f"{container}:/usr/{name}", str(folder / "usr"))
    finally:
        docker("rm", "--volumes", container)
    libraries = next((folder / "usr/lib").rglob("liburing.so.2")).parent
    (folder / "bin").mkdir()
    for name in ("mariadb", "mariadb-dump"):
        path = folder / "bin" / name
        call = f'LD_LIBRARY_PATH={libraries} exec {folder}/usr/bin/{name} "$@"'
        path.write_text(f"#!/bin/sh\n{call}\n")
        path.chmod(0o755)
    return Programs(image, folder, libraries)


def write(project: Project, found: Programs) -> int:
    """Write the project's files; return the port of the server."""
    port = free_port()
    project.compose({"sqldb": service(found, port)}, volumes={"sql-data": {}})
    use(project, found)
    return port


def write_with_files(project: Project, found: Programs) -> tuple[int, int]:
    """Write a stack of the server and of one that serves files; return their ports."""
    ports = free_port(), free_port()
    project.compose(
        {
            "sqldb": service(found, ports[0]),
            "web": {
                "image": PYTHON_IMAGE,
                "command": ["python", "-m", "http.server", "8000", "-d", "/srv/uploads"],
                "ports": [f"127.0.0.1:{ports[1]}:8000"],
                "volumes": ["uploads:/srv/uploads"],
                "init": True,
                "x-tranship": {
                    "local": {
                        "command": ["python", "-m", "http.server", "{port}", "-d", "uploads"]
                    },
                    "health": {"http": "/", "port": 8000},
                    "data": [{"volume": "uploads", "local": "uploads"}],
                },
            },
        },
        volumes={"sql-data": {}, "uploads": {}},
        settings={"start-timeout": 60},
    )
    use(project, found)
    with (project.root / "pyproject.toml").open("a") as stream:
        stream.write(WAIVED)
    return ports


def use(project: Project, found: Programs) -> None:
    """Have the programs on the PATH of the project's commands."""
    folder = str(found.folder / "bin")
    project.environment["PATH"] = os.pathsep.join([folder, project.environment["PATH"]])


def service(found: Programs, port: int) -> dict[str, Any]:
    """Return the service as the compose file has it."""
    return {
        "image": found.image,
        "environment": {
            "MARIADB_ROOT_PASSWORD": PASSWORD.replace("$", "$$"),
            "MARIADB_DATABASE": "shop",
            "MARIADB_USER": "app",
            "MARIADB_PASSWORD": "app-password",
        },
        "command": ["--innodb-flush-log-at-trx-commit=0"],
        "ports": [f"127.0.0.1:{port}:3306"],
        "volumes": ["sql-data:/var/lib/mysql"],
        "healthcheck": {
            "test": ["CMD", "healthcheck.sh", "--connect", "--innodb_initialized"],
            **PACE,
        },
        "x-tranship": {
            "local": {
                "command": ["sh", str(SCRIPT), "--port={port}", "--bind-address=127.0.0.1"],
                "environment": {
                    "MARIADB_BASE": str(found.folder / "usr"),
                    "MARIADB_DATA": "sql-data",
                    "MARIADB_RUN": "root",
                    "LD_LIBRARY_PATH": str(found.libraries),
                },
            },
            "health": {"tcp": True, "port": 3306},
        },
    }


@dataclass(frozen=True)
class Client:
    """Somebody who talks to one of the servers."""

    found: Programs
    port: int
    user: str = "root"
    password: str = PASSWORD

    def run(self, text: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run SQL."""
        words = [str(self.found.folder / "bin/mariadb"), "--no-defaults", "--batch"]
        words += [
            "--default-character-set=utf8mb4",
            "--skip-column-names",
            "--host=127.0.0.1",
            f"--port={self.port}",
        ]
        return subprocess.run(
            [*words, f"--user={self.user}", *options, "shop"],
            input=text,
            env={"MYSQL_PWD": self.password, "PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )

    def rows(self, text: str) -> list[list[str]]:
        """Run SQL that must work, and return its rows."""
        done = self.run(text)
        assert 0 == done.returncode, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def ready(self) -> Client:
        """Return it when the server answers."""
        until(lambda: self.run("SELECT 1").returncode == 0, "MariaDB answers")
        return self


SCHEMA = """
CREATE TABLE people (
    id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) CHARACTER SET utf8mb4, blobs BLOB,
    price DECIMAL(10, 3), ratio DOUBLE, bits BIT(9), at DATETIME(6), stamp TIMESTAMP NULL,
    mood ENUM('sad', 'ok'), document JSON, twice DECIMAL(10, 3) AS (price * 2) STORED,
    KEY by_name (name(10))
) AUTO_INCREMENT = 41;
INSERT INTO people (name, blobs, price, ratio, bits, at, stamp, mood, document) VALUES
    ('Zoë 🦊', X'0001FF0A5C27', 1.125, 1e-300, b'101010101', '2026-01-02 03:04:05.000006',
        '2026-01-02 03:04:05', 'ok', '{"a": [1, null]}'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('', '', 0, 0, 0, '1000-01-01', NULL, 'sad', '[]');
INSERT INTO people (name) SELECT CONCAT('n', seq) FROM seq_1_to_2000;
CREATE TABLE `odd ``name` (a INT, b INT, PRIMARY KEY (a, b)) PARTITION BY HASH (a) PARTITIONS 2;
INSERT INTO `odd ``name` VALUES (1, 2), (3, 4);
CREATE TABLE told (what VARCHAR(40));
CREATE VIEW many AS SELECT COUNT(*) AS n FROM people;
CREATE FUNCTION thrice(n INT) RETURNS INT DETERMINISTIC RETURN n * 3;
CREATE TRIGGER tells AFTER INSERT ON `odd ``name` FOR EACH ROW INSERT INTO told VALUES ('odd');
DELIMITER //
CREATE PROCEDURE fill(IN n INT) BEGIN INSERT INTO told VALUES (CONCAT('p', n)); END //
DELIMITER ;
CREATE EVENT later ON SCHEDULE EVERY 1 YEAR STARTS '2030-01-01' DO DELETE FROM told;
CREATE DATABASE `other db`;
CREATE TABLE `other db`.t AS SELECT seq AS n FROM seq_1_to_10;
CREATE USER 'reports'@'%' IDENTIFIED BY 'r''eports';
GRANT SELECT ON shop.* TO 'reports'@'%' WITH GRANT OPTION;
GRANT INSERT (what) ON shop.told TO 'reports'@'%';
"""


def fetched(port: int, name: str) -> bytes:
    """Return a file that the web service answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/{name}", timeout=5) as answer:
        return bytes(answer.read())


def put_into(container: str, name: str, text: str) -> None:
    """Write a file into the volume of the web service."""
    docker("exec", container, "sh", "-c", f"printf %s {text} > /srv/uploads/{name}")
