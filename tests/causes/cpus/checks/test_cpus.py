import os


def test_the_pool_has_a_spare_worker():
    workers = len(os.sched_getaffinity(0))
    assert workers >= 2
