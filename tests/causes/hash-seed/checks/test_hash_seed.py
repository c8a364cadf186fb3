def test_the_first_symbol_is_the_first():
    assert next(iter({"AAPL", "MSFT", "GOOG"})) == "AAPL"
