import os


def test_prices_are_in_the_currency_of_the_region():
    shop = os.environ.get("REGION", "us-east-1"), os.environ.get("CURRENCY", "USD")
    assert shop == ("eu-west-1", "EUR")
