"""Placements that can be started, waited for, measured and stopped."""
