import threading


def test_each_feed_has_a_thread():
    done = threading.Event()
    threads = [threading.Thread(target=done.wait, daemon=True) for _ in range(40)]
    try:
        for thread in threads:
            thread.start()
    finally:
        done.set()
