import socket


def test_it():
    one, two = socket.socket(), socket.socket()
    one.bind(('127.0.0.1', 45124))
    two.bind(('127.0.0.1', 45124))
