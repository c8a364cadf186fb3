"""Tests that drive Tranship as its users do, against a real Docker engine."""
