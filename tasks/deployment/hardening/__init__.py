"""Hardening: a compose file on top of production's, with the reason of each line."""
