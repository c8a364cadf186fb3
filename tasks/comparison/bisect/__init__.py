"""The differences of two modes that decide one test, found by applying them and running it."""
