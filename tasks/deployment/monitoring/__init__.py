"""Monitoring: a Prometheus beside the stack, its alerts, and the questions put to it."""
