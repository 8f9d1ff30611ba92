"""A client of a published port: `udp_client.py udp|tcp HOST PORT [SIZE...]`.

Prints one JSON document: its own port, and what it was answered, by whom, for each datagram.
"""
import json
import socket
import sys

# An answer comes at once or not at all; this only turns a hang into a failure.
PATIENCE = 10


def main(transport, host, port, *sizes):
    kind = socket.SOCK_STREAM if transport == 'tcp' else socket.SOCK_DGRAM
    client = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, kind)
    client.settimeout(PATIENCE)
    answers = []
    if transport == 'tcp':
        client.connect((host, int(port)))
        answers.append([host, client.makefile().readline().strip()])
    for size in sizes:
        client.sendto(b'x' * int(size), (host, int(port)))
        data, server = client.recvfrom(65536)
        answers.append([server[0], data.decode().strip()])
    print(json.dumps({'port': client.getsockname()[1], 'answers': answers}))


main(*sys.argv[1:])
