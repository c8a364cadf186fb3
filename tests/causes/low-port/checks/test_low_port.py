import socket


def test_the_syslog_port_can_be_had():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 514))
