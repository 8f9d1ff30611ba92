"""Path MTU discovery by UDP: `path_mtu.py HOST PORT SIZE`, of a server that echoes. Prints what a program sees, as JSON.

`strict` never lets its datagrams be cut (IP_PMTUDISC_DO), `usual` is what Linux does without being asked.
"""
import errno
import json
import socket
import sys

# linux/in.h
IP_MTU_DISCOVER = 10
IP_PMTUDISC_DO = 2
IP_MTU = 14
# An answer comes at once or not at all; this only turns a hang into a failure.
PATIENCE = 10
# The first ones are lost, until somebody says that they are too long.
TRIES = 50


def connect(host, port):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(PATIENCE)
    udp.connect((host, port))
    return udp


def strict(host, port, size):
    udp = connect(host, port)
    udp.setsockopt(socket.SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    try:
        for _ in range(TRIES):
            udp.send(bytes(size))
            udp.settimeout(0.1)
            try:
                return {'error': None, 'length': len(udp.recv(65536))}
            except TimeoutError:
                pass
    except OSError as error:
        return {'error': errno.errorcode[error.errno], 'mtu': udp.getsockopt(socket.SOL_IP, IP_MTU)}
    return {'error': 'silence'}


def usual(host, port, size):
    udp = connect(host, port)
    udp.settimeout(0.1)
    for _ in range(TRIES):
        try:
            udp.send(bytes(size))
            return {'error': None, 'length': len(udp.recv(65536))}
        except TimeoutError:
            pass
    return {'error': 'silence'}


host, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print(json.dumps({'strict': strict(host, port, size), 'usual': usual(host, port, size)}), flush=True)
