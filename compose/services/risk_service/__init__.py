"""Accepts or rejects an order against the limits on size, position and drawdown."""
