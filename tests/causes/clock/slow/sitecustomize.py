"""A clock that is 20 years slow, for what asks `time`."""

import functools
import time

BEHIND = 20 * 365 * 86400
real = time.time


def slow():
    return real() - BEHIND


def by_default(function):
    @functools.wraps(function)
    def told(seconds=None):
        return function(slow() if seconds is None else seconds)

    return told


time.time = slow
time.gmtime, time.localtime = by_default(time.gmtime), by_default(time.localtime)
