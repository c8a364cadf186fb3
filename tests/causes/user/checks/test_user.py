import getpass


def test_an_order_bears_its_clerk():
    assert getpass.getuser()
