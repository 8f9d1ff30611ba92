"""Clients of a published port that only hold on: `idle_clients.py HOST PORT NUMBER ADDRESSES`, by turns from 127.1.0.1 to 127.1.0.ADDRESSES.

Prints `held N` when each has been greeted (one byte) or reset: how many were greeted. Holds them until its standard input ends.
"""
import resource
import selectors
import socket
import sys


def main(host, port, number, addresses):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    selector = selectors.DefaultSelector()
    held = []
    for i in range(int(number)):
        client = socket.socket()
        client.bind((f'127.1.0.{1 + i % int(addresses)}', 0))
        try:
            client.connect((host, int(port)))
        except ConnectionError:
            continue
        selector.register(client, selectors.EVENT_READ)
        if i % 100 == 99:
            decide(selector, held, 0)
    while selector.get_map():
        decide(selector, held, None)
    print('held', len(held), flush=True)
    sys.stdin.read()


def decide(selector, held, timeout):
    for key, _ in selector.select(timeout):
        selector.unregister(key.fileobj)
        try:
            if key.fileobj.recv(1) != b'':
                held.append(key.fileobj)
        except ConnectionError:
            pass


main(*sys.argv[1:])
