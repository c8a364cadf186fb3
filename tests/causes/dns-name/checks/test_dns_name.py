import socket


def test_prices_has_an_address():
    assert socket.gethostbyname("prices")
