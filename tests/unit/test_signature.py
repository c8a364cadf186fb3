"""Generated files that tell what made them, and whether a person changed them."""

from __future__ import annotations

import pytest
from tranship.deployment import signature

FIRST = "# Made by `inv some.task"
TEXT = signature.signed("a: b\nc: d\n", f"{FIRST} --here`.")


def test_a_file_is_known_by_its_first_line() -> None:
    assert TEXT.startswith("# Made by `inv some.task --here`.\n")
    assert signature.is_ours(TEXT, FIRST)
    assert signature.is_untouched(TEXT, FIRST)


@pytest.mark.parametrize("changed", [f"{TEXT}e: f\n", TEXT.replace("a: b", "a: x"), TEXT[:-1]])
def test_a_change_is_seen(changed: str) -> None:
    assert signature.is_ours(changed, FIRST)
    assert not signature.is_untouched(changed, FIRST)


def test_line_ends_of_windows_are_no_change() -> None:
    assert signature.is_untouched(TEXT.replace("\n", "\r\n"), FIRST)


@pytest.mark.parametrize("other", ["", "a: b\n", TEXT.partition("\n")[2], f"{FIRST}\na: b\n"])
def test_other_files_are_not_ours(other: str) -> None:
    assert not signature.is_ours(other, FIRST)
    assert not signature.is_untouched(other, FIRST)
