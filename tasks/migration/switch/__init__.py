"""The switch of a whole stack to another side, watched, and the way back.

What holds it together:

    steps.forward(crossing)      the steps of a switch, each safe to repeat
    back.go_back(crossing, ...)  the steps of the way back, each safe to repeat
    journal.Journal              what has been done, on the disk before and after each step
    operations.Operations        what a step has done for it: the developer's own stack, or a test's

Two facts decide everything after a crash. `exposed`: the target may have taken writes, so they
must be brought back. `returned`: the source may have taken writes again, so nothing may be copied
over it. Each is on the disk before it can become true.
"""
