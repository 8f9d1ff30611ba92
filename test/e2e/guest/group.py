"""Multicast: `group.py serve GROUP PORT INTERFACE` joins a group there and answers each question by unicast; it prints `ready`, and what it
hears. `group.py ask GROUP PORT COUNT` asks, and prints who has answered, COUNT of them, as JSON.
"""
import json
import socket
import struct
import sys

# An answer comes at once or not at all; this only turns a hang into a failure.
PATIENCE = 10


def open_socket(group):
    udp = socket.socket(socket.AF_INET6 if ':' in group else socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return udp


def join(udp, group, interface):
    index = socket.if_nametoindex(interface)
    if ':' in group:
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, group) + struct.pack('@I', index))
    elif group != '255.255.255.255':
        request = socket.inet_aton(group) + bytes(4) + struct.pack('@i', index)
        udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)


def serve(group, port, interface):
    udp = open_socket(group)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    udp.bind(('', int(port)))
    join(udp, group, interface)
    print('ready', flush=True)
    while True:
        data, sender = udp.recvfrom(2048)
        print('heard', data.decode(), flush=True)
        udp.sendto(b'here', sender)


def ask(group, port, count):
    udp = open_socket(group)
    udp.settimeout(PATIENCE)
    scope = (0, socket.if_nametoindex('tap0')) if ':' in group else ()
    udp.sendto(b'anybody', (group, int(port), *scope))
    senders = [udp.recvfrom(2048)[1] for _ in range(int(count))]
    print(json.dumps({'answered': [[host.split('%')[0], there] for host, there, *_ in senders]}), flush=True)


{'serve': serve, 'ask': ask}[sys.argv[1]](*sys.argv[2:])
