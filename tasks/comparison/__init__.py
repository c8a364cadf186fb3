"""Two trials side by side: the diff, the targets, the tables and the verdict."""
