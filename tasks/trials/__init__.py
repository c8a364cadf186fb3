"""Running the suite in a mode, and the record of it."""
