from contextlib import ExitStack
from pathlib import Path


def test_a_hundred_feeds_are_open_at_once():
    feed = Path(__file__)
    with ExitStack() as feeds:
        for _ in range(100):
            feeds.enter_context(feed.open())
