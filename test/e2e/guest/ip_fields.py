"""What of the IP header reaches the other side: `ip_fields.py serve ADDRESS TOS`, `ip_fields.py ask HOST PORT TTL TOS`.

The server prints `port N`, tells each sender what its datagram had, and answers with TOS. Who asks prints what both have seen, as JSON.
"""
import json
import socket
import struct
import sys

# linux/in.h, linux/in6.h: the level, the options that ask for the fields, those that set them, and how a field arrives.
IPV4 = {'family': socket.AF_INET, 'level': socket.SOL_IP, 'receive': (12, 13), 'ttl': socket.IP_TTL, 'tos': socket.IP_TOS}
IPV6 = {'family': socket.AF_INET6, 'level': socket.IPPROTO_IPV6, 'receive': (51, 66), 'ttl': socket.IPV6_UNICAST_HOPS,
        'tos': socket.IPV6_TCLASS}
ARRIVES_AS = {(socket.SOL_IP, 2): 'ttl', (socket.SOL_IP, 1): 'tos', (socket.IPPROTO_IPV6, 52): 'ttl', (socket.IPPROTO_IPV6, 67): 'tos'}
# An answer comes at once or not at all; this only turns a hang into a failure.
PATIENCE = 10


def open_socket(host, tos):
    ip = IPV6 if ':' in host else IPV4
    udp = socket.socket(ip['family'], socket.SOCK_DGRAM)
    for option in ip['receive']:
        udp.setsockopt(ip['level'], option, 1)
    udp.setsockopt(ip['level'], ip['tos'], int(tos))
    return udp, ip


def receive(udp):
    data, control, _, sender = udp.recvmsg(2048, 256)
    fields = {'ttl': None, 'tos': None}
    for level, kind, value in control:
        if (level, kind) in ARRIVES_AS:
            # IPv4's TOS is a byte, everything else an int.
            fields[ARRIVES_AS[level, kind]] = value[0] if len(value) == 1 else struct.unpack('i', value)[0]
    return data, sender, fields


def serve(address, tos):
    udp, _ = open_socket(address, tos)
    udp.bind((address, 0))
    print('port', udp.getsockname()[1], flush=True)
    while True:
        _, sender, fields = receive(udp)
        udp.sendto(json.dumps(fields).encode(), sender)


def ask(host, port, ttl, tos):
    udp, ip = open_socket(host, tos)
    udp.settimeout(PATIENCE)
    udp.setsockopt(ip['level'], ip['ttl'], int(ttl))
    udp.connect((host, int(port)))
    udp.send(b'what do you see?')
    data, _, fields = receive(udp)
    print(json.dumps({'there': json.loads(data), 'here': fields}), flush=True)


{'serve': serve, 'ask': ask}[sys.argv[1]](*sys.argv[2:])
