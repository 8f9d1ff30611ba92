"""Servers of published ports of both transports: `udp_server.py HOST PORT`. Tells each who calls, and of a datagram how long it was.

Prints `listening` when it does. A datagram `bye` to the UDP port ends it.
"""
import socket
import sys
import threading


def name(peer):
    return f'{peer[0]} {peer[1]}'


def serve_tcp(listener):
    while True:
        connection, peer = listener.accept()
        connection.sendall(f'{name(peer)}\n'.encode())
        connection.close()


def main(host, port):
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind((host, int(port)))
    listener.listen()
    threading.Thread(target=serve_tcp, args=[listener], daemon=True).start()
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.bind((host, int(port)))
    print('listening', flush=True)
    data = b''
    while data != b'bye':
        data, peer = udp.recvfrom(65536)
        udp.sendto(f'{name(peer)} {len(data)}\n'.encode(), peer)


main(*sys.argv[1:])
