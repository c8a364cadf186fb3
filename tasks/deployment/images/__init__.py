"""Images: how they are built, and what each of their layers is."""
