import os


def test_the_key_is_whole():
    assert len(os.environ["PAYMENT_KEY"]) == 11
