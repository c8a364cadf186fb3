from __future__ import annotations

import gc

import pytest
from tranship.comparison.uncollected import uncollected


def test_the_collector_is_held_and_goes_on_after_an_error() -> None:
    enabled = []

    @uncollected()
    def failing() -> None:
        enabled.append(gc.isenabled())
        raise ValueError("why")

    with pytest.raises(ValueError, match="why"):
        failing()

    assert [False, True] == [*enabled, gc.isenabled()]


def test_one_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
