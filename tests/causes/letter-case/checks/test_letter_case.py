from pathlib import Path


def test_prices_are_read():
    assert Path("data/prices.csv").read_text() == "AAPL,190\n"
