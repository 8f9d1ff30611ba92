"""Path MTU discovery by UDP: `path_mtu.py HOST PORT SIZE`, of a server that echoes. Prints what a program sees, as JSON.

`strict` never lets its datagrams be cut (IP_PMTUDISC_DO, IPV6_PMTUDISC_DO), `usual` is what Linux does without being asked.
"""
import errno
import json
import socket
import sys

# linux/in.h, linux/in6.h: of each version the level, and its options' numbers there.
IPV4 = {'family': socket.AF_INET, 'level': socket.SOL_IP, 'discover': 10, 'mtu': 14}
IPV6 = {'family': socket.AF_INET6, 'level': socket.IPPROTO_IPV6, 'discover': 23, 'mtu': 24}
PMTUDISC_DO = 2
# An answer comes at once or not at all; this only turns a hang into a failure.
PATIENCE = 10
# The first ones are lost, until somebody says that they are too long.
TRIES = 50


def connect(host, port):
    udp = socket.socket(ip['family'], socket.SOCK_DGRAM)
    udp.settimeout(PATIENCE)
    udp.connect((host, port))
    return udp


def strict(host, port, size):
    udp = connect(host, port)
    udp.setsockopt(ip['level'], ip['discover'], PMTUDISC_DO)
    try:
        for _ in range(TRIES):
            udp.send(bytes(size))
            udp.settimeout(0.1)
            try:
                return {'error': None, 'length': len(udp.recv(65536))}
            except TimeoutError:
                pass
    except OSError as error:
        return {'error': errno.errorcode[error.errno], 'mtu': udp.getsockopt(ip['level'], ip['mtu'])}
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
ip = IPV6 if ':' in host else IPV4
print(json.dumps({'strict': strict(host, port, size), 'usual': usual(host, port, size)}), flush=True)
