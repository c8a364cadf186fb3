"""Prices, as version 1.4.0 rounds them."""

import decimal


def rounded(price):
    return decimal.Decimal(price).quantize(decimal.Decimal("0.01"), decimal.ROUND_HALF_UP)
