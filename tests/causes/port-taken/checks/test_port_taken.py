import os
import socket


def test_a_callback_can_be_received():
    with socket.create_server(("127.0.0.1", int(os.environ["CALLBACK_PORT"]))):
        pass
