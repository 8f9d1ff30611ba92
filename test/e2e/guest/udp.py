"""The guest's end of a UDP test: `udp.py echo HOST PORT FROM TO`, `udp.py refused HOST PORT [PATIENCE]`, `udp.py mapping HOST PORT HOST PORT`,
`udp.py mixed COUNT HOST PORT HOST PORT`.

Prints one JSON document at the end.
"""
import errno
import json
import os
import socket
import sys

# An answer comes at once or not at all; this only turns a hang into a failure.
PATIENCE = 10
# linux/in.h, linux/in6.h
IP_RECVERR = 11
IPV6_RECVERR = 25


def datagram_socket(host, patience=PATIENCE):
    udp = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(patience)
    return udp


def echo(host, port, first, last):
    """One datagram of each size, each answered before the next."""
    udp = datagram_socket(host)
    udp.connect((host, int(port)))
    for size in range(int(first), int(last) + 1):
        data = os.urandom(size)
        udp.send(data)
        answer = udp.recv(65536)
        if answer != data:
            return {'error': f'{len(answer)} bytes came back for {size}, or not the same ones', 'size': size}
    return {'error': None, 'size': int(last)}


def refused(host, port, patience=PATIENCE):
    """A connected socket is told by the kernel what an ICMP error said; with IP_RECVERR also of a network that is unreachable."""
    udp = datagram_socket(host, float(patience))
    if ':' in host:
        udp.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        udp.setsockopt(socket.SOL_IP, IP_RECVERR, 1)
    udp.connect((host, int(port)))
    udp.send(b'anybody?')
    try:
        return {'error': None, 'received': len(udp.recv(65536))}
    except TimeoutError:
        return {'error': 'silence'}
    except OSError as error:
        return {'error': errno.errorcode[error.errno]}


def mapping(*destinations):
    """Sends from one socket to every destination; answers must come from where the question went."""
    udp = datagram_socket(destinations[0])
    answered = []
    for host, port in zip(destinations[::2], destinations[1::2]):
        udp.sendto(b'hello', (host, int(port)))
        data, sender = udp.recvfrom(65536)
        answered.append({'from': list(sender[:2]), 'equal': data == b'hello'})
    return {'answered': answered}


def mixed(count, *destinations):
    """Sends numbered datagrams from one socket to each destination in turn, a few at a time; tells of answers from another than the one asked."""
    udp = datagram_socket(destinations[0])
    peers = [(host, int(port)) for host, port in zip(destinations[::2], destinations[1::2])]
    wrong, at_once = [], 8
    for first in range(0, int(count), at_once):
        for number in range(first, first + at_once):
            udp.sendto(str(number).encode(), peers[number % len(peers)])
        for _ in range(at_once):
            data, sender = udp.recvfrom(65536)
            if sender[:2] != peers[int(data) % len(peers)]:
                wrong.append([data.decode(), *sender[:2]])
    return {'answered': int(count), 'wrong': wrong}


print(json.dumps({'echo': echo, 'refused': refused, 'mapping': mapping, 'mixed': mixed}[sys.argv[1]](*sys.argv[2:])), flush=True)
