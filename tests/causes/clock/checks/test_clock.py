import time


def test_a_licence_is_valid():
    assert time.time() > 1704067200, "the licence is not yet valid"
