"""Autoscaling on a Swarm: a figure from Prometheus, a rule, and the engine's own replica count."""
