def test_others_may_read_a_report(tmp_path):
    report = tmp_path / "report"
    report.touch()
    assert report.stat().st_mode & 0o777 == 0o644
