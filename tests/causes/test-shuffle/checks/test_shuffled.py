RATE = {"eur": 1.0}


def test_a_rate_can_be_set():
    RATE["eur"] = 1.1
    assert RATE["eur"] == 1.1


def test_a_rate_is_a_number():
    assert isinstance(RATE["eur"], float)


def test_rates_have_a_currency():
    assert "eur" in RATE


def test_the_default_rate():
    assert RATE["eur"] == 1.0
