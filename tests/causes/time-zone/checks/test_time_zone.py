from datetime import datetime


def test_the_market_opens_at_eight():
    assert datetime.fromtimestamp(1705305600).strftime("%H:%M") == "08:00"
