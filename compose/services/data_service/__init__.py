"""Deterministic simulated market data: ticks, candles, indicators, quotes."""
