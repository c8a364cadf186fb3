"""What a stack is before it moves: what runs, with what, and what should be mended first.

`analyze` looks, and changes nothing; `fixes` applies the mends that were confirmed. A false
alarm costs more than a miss: where something may be meant, a rule stays silent or only notes.
"""
