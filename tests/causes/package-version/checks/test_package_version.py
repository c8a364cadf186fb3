import pricing


def test_a_price_is_rounded_up():
    assert str(pricing.rounded("2.345")) == "2.35"
