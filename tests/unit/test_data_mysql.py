"""MySQL and MariaDB: the statements that are made, and what is read from the answers."""

from __future__ import annotations

from typing import Any

import pytest
from tranship.errors import DataRefused
from tranship.migration.data import mysql
from tranship.migration.data.mysql import Server, account, manifest, quoted
from tranship.migration.data.tools import Tools


class Scripted:
    """Tools whose answers are given; what is asked is kept."""

    def __init__(self, *answers: str | DataRefused) -> None:
        self.store, self.side = "sqldb", "docker"
        self.answers = list(answers)
        self.asked: list[tuple[tuple[str, ...], str]] = []

    def run(self, program: str, *arguments: str, doing: str, text: str = "", **_: Any) -> str:
        self.asked.append(((program, *arguments), text))
        answer = self.answers.pop(0)
        if isinstance(answer, DataRefused):
            raise answer
        return answer


def server(*answers: str | DataRefused) -> tuple[Server, Scripted]:
    tools = Scripted(*answers)
    return Server(tools, "mariadb", "mariadb-dump", "root"), tools  # type: ignore[arg-type]


def in_hex(text: str) -> str:
    return text.encode().hex().upper()


def test_the_account_is_roots_where_its_password_is_known() -> None:
    assert ("root", "r") == account({"MYSQL_ROOT_PASSWORD": "r", "MYSQL_USER": "u"})
    assert ("root", "r") == account({"MARIADB_ROOT_PASSWORD": "r"})
    assert ("u", "p") == account({"MARIADB_USER": "u", "MARIADB_PASSWORD": "p"})
    assert ("root", "") == account({"MYSQL_ALLOW_EMPTY_PASSWORD": "1"})


def test_no_password_and_no_file_of_settings_is_in_a_command() -> None:
    found, tools = server(in_hex("8.4.1"))

    assert "8.4.1" == mysql.version(found)
    assert [
        (
            *("mariadb", "--no-defaults", "--host=127.0.0.1", "--user=root"),
            *("--batch", "--skip-column-names", "--raw"),
        )
    ] == [words for words, _ in tools.asked]


def test_a_manifest_is_read_from_the_answers() -> None:
    columns = "\t".join(
        [in_hex("shop"), in_hex("a `table"), in_hex("b"), "blob", in_hex("blob YES")]
    )
    rows = [
        ["table", "0", "3", "12-13"],
        ["view", in_hex("shop"), in_hex("v"), "abc"],
        ["database", in_hex("shop"), "", ""],
        ["version", in_hex("10.11.6-MariaDB"), "1700000000", ""],
    ]
    found, tools = server(columns, "\n".join("\t".join(row) for row in rows))

    read = manifest(found)

    assert ("10.11.6-MariaDB", 1_700_000_000.0, 3) == (read.version, read.taken_at, read.rows)
    assert {
        "table shop.a `table",
        "columns of table shop.a `table",
        "view shop.v",
        "database shop",
    } == set(read.entries)
    assert "FROM `shop`.`a ``table`;" in tools.asked[1][1]
    # Bytes as they are, all else as text: HEX of a number would lose its decimals.
    assert "COALESCE(HEX(`b`), '~')" in tools.asked[1][1]
    assert "CAST(`c` AS CHAR" in mysql._counted(0, "s", "t", [("c", "decimal", "")])


def test_a_server_that_is_not_there_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql, "_AGAIN_SECONDS", 0.0)
    late = DataRefused("Can't connect to server")
    found, _ = server(late, late, in_hex("8.4.1"))

    assert "8.4.1" == mysql.version(found)

    refused, _ = server(DataRefused("Access denied for user"))
    with pytest.raises(DataRefused, match="Access denied"):
        mysql.version(refused)


def test_names_are_quoted() -> None:
    assert "`a``b`" == quoted("a`b")
    assert Tools.__doc__
