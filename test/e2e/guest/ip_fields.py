"""What of the IP header reaches the other side: `ip_fields.py serve ADDRESS TOS`, `ip_fields.py ask HOST PORT TTL TOS`.

The server prints `port N`, tells each sender what its datagram had, and answers with TOS. Who asks prints what both have seen, as JSON.
"""
import json
import socket
import struct
import sys

# linux/in.h
IP_RECVTTL = 12
IP_RECVTOS = 13
# An answer comes at once or not at all; this only turns a hang into a failure.
PATIENCE = 10


def open_socket(tos):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_IP, IP_RECVTTL, 1)
    udp.setsockopt(socket.SOL_IP, IP_RECVTOS, 1)
    udp.setsockopt(socket.SOL_IP, socket.IP_TOS, tos)
    return udp


def receive(udp):
    data, control, _, sender = udp.recvmsg(2048, 256)
    fields = {'ttl': None, 'tos': None}
    for _, kind, value in control:
        if kind == socket.IP_TTL:
            fields['ttl'] = struct.unpack('i', value)[0]
        elif kind == socket.IP_TOS:
            fields['tos'] = value[0]
    return data, sender, fields


def serve(address, tos):
    udp = open_socket(int(tos))
    udp.bind((address, 0))
    print('port', udp.getsockname()[1], flush=True)
    while True:
        _, sender, fields = receive(udp)
        udp.sendto(json.dumps(fields).encode(), sender)


def ask(host, port, ttl, tos):
    udp = open_socket(int(tos))
    udp.settimeout(PATIENCE)
    udp.setsockopt(socket.SOL_IP, socket.IP_TTL, int(ttl))
    udp.connect((host, int(port)))
    udp.send(b'what do you see?')
    data, _, fields = receive(udp)
    print(json.dumps({'there': json.loads(data), 'here': fields}), flush=True)


{'serve': serve, 'ask': ask}[sys.argv[1]](*sys.argv[2:])
