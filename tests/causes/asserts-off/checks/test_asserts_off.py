import pytest

from checks.order import Order


def test_an_order_needs_a_quantity():
    with pytest.raises(AssertionError):
        Order(0)
