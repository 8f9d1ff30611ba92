"""A datagram from each of so many ports of 127.1.0.1, again and again until its standard input ends: `strangers.py HOST PORT PORTS`.

Prints `round` after each time around.
"""
import select
import socket
import sys


def main(host, port, ports):
    while True:
        for source in range(65_535 - int(ports), 65_535):
            stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                stranger.bind(('127.1.0.1', source))
                stranger.sendto(b'x', (host, int(port)))
            except OSError:
                pass  # Somebody has that port.
            stranger.close()
        print('round', flush=True)
        if select.select([sys.stdin], [], [], 0)[0]:
            return


main(*sys.argv[1:])
