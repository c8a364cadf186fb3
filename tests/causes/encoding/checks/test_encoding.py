from pathlib import Path


def test_a_name_is_read():
    with (Path(__file__).parent / "names.txt").open() as stream:
        assert stream.read() == "Zo\u00eb\n"
