import subprocess
import sys


def test_a_day_of_prices_fits():
    subprocess.run([sys.executable, "-c", "len(bytearray(100_000_000))"], check=True)
