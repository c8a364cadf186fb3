"""The mode swarm: a run of the suite against a stack of its own on a Docker Swarm."""
