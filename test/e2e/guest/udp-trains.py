"""Many datagrams at once, some of them as trains (udp(7), UDP_SEGMENT, UDP_GRO).

    udp-trains.py serve HOST                               on the host: answers a request for a train with one; says its port first
    udp-trains.py send HOST PORT SEGMENT COUNT LAST        a train of COUNT datagrams and a last one of LAST bytes to an echo
    udp-trains.py ask HOST PORT SEGMENT COUNT LAST GRO     the same from `serve`; GRO 1: whoever asks takes trains whole
    udp-trains.py stream SIZE COUNT GRO HOST PORT ...      COUNT datagrams of SIZE bytes to the echoes in turn, some under way at a time

Prints one JSON document at the end.
"""
import json
import os
import socket
import struct
import sys

# An answer comes at once or not at all; this only turns a hang into a failure.
PATIENCE = 10
# linux/udp.h
SOL_UDP = 17
UDP_SEGMENT = 103
UDP_GRO = 104
# Datagrams of a stream that are under way: no buffer on the way is ever full.
WINDOW = 32
LARGEST = 65536


def datagram_socket(host, gro=False):
    udp = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(PATIENCE)
    if gro:
        udp.setsockopt(SOL_UDP, UDP_GRO, 1)
    return udp


def train_of(segment, count, last):
    """Datagrams that nobody can take for each other."""
    sizes = [segment] * count + ([last] if last > 0 else [])
    return [(struct.pack('>I', i) + os.urandom(size))[:size] for i, size in enumerate(sizes)]


def send_train(udp, datagrams, segment, target):
    udp.sendmsg([b''.join(datagrams)], [(SOL_UDP, UDP_SEGMENT, struct.pack('H', segment))], 0, target)


def receive(udp):
    """The next datagrams and where they are from: one, or all of a train."""
    data, control, _, sender = udp.recvmsg(LARGEST, socket.CMSG_SPACE(4))
    sizes = [struct.unpack('i', value)[0] for level, kind, value in control if (level, kind) == (SOL_UDP, UDP_GRO)]
    size = sizes[0] if sizes else max(1, len(data))
    return [data[at:at + size] for at in range(0, max(1, len(data)), size)], sender[:2]


def receive_all(udp, count):
    received = []
    largest = 0
    while len(received) < count:
        datagrams, _ = receive(udp)
        received += datagrams
        largest = max(largest, len(datagrams))
    return received, largest


def serve(host):
    udp = datagram_socket(host)
    udp.settimeout(None)
    udp.bind((host, 0))
    print(f'port {udp.getsockname()[1]}', flush=True)
    while True:
        request, sender = udp.recvfrom(LARGEST)
        segment, count, last = struct.unpack('>III', request)
        send_train(udp, train_of(segment, count, last), segment, sender)


def send(host, port, segment, count, last):
    udp = datagram_socket(host)
    sent = train_of(int(segment), int(count), int(last))
    send_train(udp, sent, int(segment), (host, int(port)))
    received, _ = receive_all(udp, len(sent))
    return {'equal': received == sent}


def ask(host, port, segment, count, last, gro):
    udp = datagram_socket(host, gro == '1')
    udp.sendto(struct.pack('>III', int(segment), int(count), int(last)), (host, int(port)))
    received, largest = receive_all(udp, int(count) + (int(last) > 0))
    numbers = [struct.unpack('>I', datagram[:4])[0] for datagram in received]
    return {'inOrder': numbers == list(range(len(received))), 'sizes': sorted(set(map(len, received))), 'atOnce': largest > 1}


def stream(size, count, gro, *peers):
    """Echoes must come from whom the datagram went to, in the order of each."""
    udp = datagram_socket(peers[0], gro == '1')
    peers = list(zip(peers[::2], map(int, peers[1::2])))
    size, count = int(size), int(count)
    next_of = [i for i in range(len(peers))]
    sent = received = 0
    wrong = []
    while received < count and not wrong:
        while sent < count and sent - received < WINDOW:
            udp.sendto(struct.pack('>I', sent).ljust(size, bytes([sent & 0xff])), peers[sent % len(peers)])
            sent += 1
        datagrams, sender = receive(udp)
        for datagram in datagrams:
            number = struct.unpack('>I', datagram[:4])[0]
            peer = number % len(peers)
            if len(datagram) != size or sender != peers[peer] or number != next_of[peer] or datagram[-1] != number & 0xff:
                wrong.append([number, len(datagram), list(sender)])
            next_of[peer] += len(peers)
            received += 1
    return {'received': received, 'wrong': wrong}


print(json.dumps({'serve': serve, 'send': send, 'ask': ask, 'stream': stream}[sys.argv[1]](*sys.argv[2:])), flush=True)
