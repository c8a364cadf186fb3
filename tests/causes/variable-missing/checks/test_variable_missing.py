import os


def test_the_region_is_known():
    assert os.environ["REGION"] == "eu-west-1"
