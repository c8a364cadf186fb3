"""The checklist: what must be proved before each phase of a migration, and the evidence.

Nothing is ticked by hand but what no probe can see, and then it says who did and when. What
another command proves (the rehearsal, say) it writes down with `evidence.note`.
"""
