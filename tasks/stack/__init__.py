"""The compose model: services, placement, endpoints, isolation, and the engine."""
