from pathlib import Path


def test_a_message_arrives():
    count = Path("state/runs")
    runs = int(count.read_text()) + 1 if count.exists() else 1
    count.write_text(str(runs))
    assert runs % 4 < 2, "no message within 1 s"
