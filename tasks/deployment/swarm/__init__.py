"""The stack on Docker Swarm: a stack file of the same services, and what becomes of it."""
