"""The migration itself: moving the data, and what is done with it."""
