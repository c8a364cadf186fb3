"""From settings and endpoints to the environment variables of one service."""
