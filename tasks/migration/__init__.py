"""The migration itself: analysis, checklist, data, switch."""
