from pathlib import Path


def test_a_report_is_written():
    report = Path("report.txt")
    report.write_text("done")
    report.unlink()
