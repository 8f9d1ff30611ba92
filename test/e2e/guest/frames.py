"""Forges frames as only root of the namespace can: `frames.py INTERFACE GUEST GATEWAY PORT [PROTOCOL|ADDRESS...]`.

For every destination that is the host's loopback by some spelling, for every ADDRESS, and every source that might be taken for the host itself, it
writes whole Ethernet frames to the TAP: TCP SYN, UDP, ICMP echo, with IP options, as fragments; IPv4 and IPv6. It then listens
until every PROTOCOL has been answered by the gateway of either version, or, without one, for a second after the answer to a last, honest ping, before
which the stack has seen all of the frames; there is such a ping now and then, so that none of them is lost on the way. Prints, as JSON, how many it sent and what came back that tells of something reached:
[protocol, source, detail].
"""
import ipaddress
import json
import os
import socket
import struct
import sys
import time

PATIENCE = 20
QUIET = 1
# Frames that a TAP holds are a few hundred: with more the kernel loses some, unless the stack has read those before.
BATCH = 100
AGAIN = 0.3
LAST_PING = 0x4E4C

interface, guest, gateway, port = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
# The last one is the router by its anycast address (RFC 4291, 2.6.1).
GATEWAY6, DNS6, ROUTER6, ANYCAST6 = 'fd00::2', 'fd00::3', 'fe80::2', 'fd00::'
PAYLOAD = b'forged'
network = ipaddress.ip_network(f'{guest}/24', strict=False)
DNS = str(ipaddress.ip_address(gateway) + 1)

DESTINATIONS = [
    '127.0.0.1', '127.0.0.53', '127.1.2.3', '127.255.255.255', '127.0.0.0', '0.0.0.0', '0.0.0.1', '0.127.0.1', '255.255.255.255',
    gateway, DNS, str(network.broadcast_address), str(network.network_address), '224.0.0.1', '169.254.0.1',
]
SOURCES = [guest, '127.0.0.1', '0.0.0.0', gateway, '255.255.255.255']
DESTINATIONS6 = [
    '::1', '::', '::ffff:127.0.0.1', '::127.0.0.1', '64:ff9b::7f00:1', '::ffff:0.0.0.0', f'::ffff:{gateway}', f'::{gateway}',
    '2002:7f00:1::', GATEWAY6, DNS6, ROUTER6, ANYCAST6, 'ff01::1', 'ff02::1', 'ff05::2',
]
more = [text for text in sys.argv[5:] if '.' in text or ':' in text]
DESTINATIONS += [text for text in more if ':' not in text]
DESTINATIONS6 += [text for text in more if ':' in text]
SOURCES6 = ['fd00::100', '::1', '::', 'fe80::100', '::ffff:127.0.0.1', GATEWAY6]


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(source, destination, protocol, length):
    a, b = ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed
    return a + b + (struct.pack('!BBH', 0, protocol, length) if len(a) == 4 else struct.pack('!IHBB', length, 0, 0, protocol))


def tcp(source, destination, number):
    header = struct.pack('!HHIIBBHHH', number, port, 1000, 0, 5 << 4, 2, 65535, 0, 0)
    check = checksum(pseudo(source, destination, 6, len(header)) + header)
    return 6, header[:16] + struct.pack('!H', check) + header[18:]


def udp(source, destination, number):
    length = 8 + len(PAYLOAD)
    header = struct.pack('!HHHH', number, port, length, 0)
    check = checksum(pseudo(source, destination, 17, length) + header + PAYLOAD) or 0xffff
    return 17, header[:6] + struct.pack('!H', check) + PAYLOAD


def echo(source, destination, number, identifier=1):
    is_v6 = ':' in destination
    message = struct.pack('!BBHHH', 128 if is_v6 else 8, 0, 0, identifier, number) + PAYLOAD
    seed = pseudo(source, destination, 58, len(message)) if is_v6 else b''
    return (58 if is_v6 else 1), message[:2] + struct.pack('!H', checksum(seed + message)) + message[4:]


def ipv4(source, destination, protocol, payload, options=b'', fragment=0):
    words = 5 + len(options) // 4
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    header = struct.pack('!BBHHHBBH', 0x40 | words, 0, words * 4 + len(payload), 7, fragment, 64, protocol, 0) + addresses + options
    return header[:10] + struct.pack('!H', checksum(header)) + header[12:] + payload


def ipv6(source, destination, protocol, payload):
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    return struct.pack('!IHBB', 6 << 28, len(payload), protocol, 64) + addresses + payload


def routed(destination, protocol, payload):
    """RFC 2460, 4.4: a routing header of type 0 with one more address to go, which no host follows any more (RFC 5095)."""
    header = struct.pack('!BBBBI', protocol, 2, 0, 1, 0) + ipaddress.ip_address(destination).packed
    return 43, header + payload


def atomic(protocol, payload):
    """RFC 6946: a fragment that is all of its packet."""
    return 44, struct.pack('!BBHI', protocol, 0, 0, 7) + payload


def source_route(destination):
    """RFC 791: loose source and record route, by way of one more address; padded to whole words."""
    return struct.pack('!BBB', 131, 7, 4) + ipaddress.ip_address(destination).packed + b'\0'


def frames():
    number = 20000
    for destination in DESTINATIONS:
        for source in SOURCES:
            for make in (tcp, udp, echo):
                number += 1
                protocol, payload = make(source, destination, number)
                yield 0x0800, ipv4(source, destination, protocol, payload)
        for make in (tcp, udp):
            number += 1
            protocol, payload = make(guest, destination, number)
            yield 0x0800, ipv4(guest, destination, protocol, payload, fragment=0x2000)  # MF: a first fragment
            yield 0x0800, ipv4(guest, destination, protocol, payload, options=source_route('127.0.0.1'))
            yield 0x0800, ipv4(guest, '198.51.100.200', protocol, payload, options=source_route(destination))
    for destination in DESTINATIONS6:
        for source in SOURCES6:
            for make in (tcp, udp, echo):
                number += 1
                protocol, payload = make(source, destination, number)
                yield 0x86dd, ipv6(source, destination, protocol, payload)
        for make in (tcp, udp):
            number += 1
            protocol, payload = make('fd00::100', destination, number)
            yield 0x86dd, ipv6('fd00::100', destination, *atomic(protocol, payload))
            yield 0x86dd, ipv6('fd00::100', '2001:db8:ee::200', *routed(destination, protocol, payload))
            yield 0x86dd, ipv6('fd00::100', destination, *routed('::1', protocol, payload))


def suspicious(frame):
    """An answer that tells of something reached: a SYN-ACK, a datagram, an echo reply of an address that is nobody's here."""
    kind, packet = frame[12:14], frame[14:]
    if kind == b'\x08\x00':
        at, source, protocol = (packet[0] & 15) * 4, str(ipaddress.ip_address(packet[12:16])), packet[9]
    elif kind == b'\x86\xdd':
        at, source, protocol = 40, str(ipaddress.ip_address(packet[8:24])), packet[6]
    else:
        return None
    if protocol == 6 and packet[at + 13] & 0x12 == 0x12:
        return ['tcp', source, 'SYN-ACK']
    if protocol == 17 and struct.unpack('!H', packet[at:at + 2])[0] == port:
        return ['udp', source, 'datagram']
    # The gateway and the DNS address answer pings themselves: that reaches nobody.
    if protocol == 1 and packet[at] == 0 and source not in (gateway, DNS):
        return ['icmp', source, 'echo reply']
    if protocol == 58 and packet[at] == 129 and source not in (GATEWAY6, DNS6, ROUTER6, ANYCAST6):
        return ['icmpv6', source, 'echo reply']
    return None


def is_answer(frame, number):
    return frame[12:14] == b'\x08\x00' and frame[23] == 1 and frame[34] == 0 and struct.unpack('!HH', frame[38:42]) == (LAST_PING, number)


os.system(f'ping -c 1 -W 5 {gateway} > /dev/null')
with open('/proc/net/arp') as table:
    gateway_mac = next(bytes.fromhex(line.split()[3].replace(':', '')) for line in table if line.split()[0] == gateway)
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
raw.bind((interface, 0))
own_mac = raw.getsockname()[4]
found = []


def receive(patience):
    """One frame, or None."""
    raw.settimeout(max(patience, 0.001))
    try:
        frame = raw.recv(65536)
    except TimeoutError:
        return None
    answer = suspicious(frame)
    if answer:
        found.append(answer)
    return frame


def catch_up(number):
    """Waits until the stack has seen what was sent: it answers pings in their turn."""
    end = time.monotonic() + PATIENCE
    again = 0
    while time.monotonic() < end:
        if time.monotonic() >= again:
            raw.send(gateway_mac + own_mac + b'\x08\x00' + ipv4(guest, gateway, *echo(guest, gateway, number, LAST_PING)))
            again = time.monotonic() + AGAIN
        frame = receive(again - time.monotonic())
        if frame and is_answer(frame, number):
            return
    sys.exit('a ping was not answered')


sent = 0
for kind, packet in frames():
    raw.send(gateway_mac + own_mac + struct.pack('!H', kind) + packet)
    sent += 1
    if sent % BATCH == 0:
        catch_up(sent)
catch_up(sent + 1)

wanted = {(protocol, source) for protocol in sys.argv[5:] if protocol not in more for source in (gateway, GATEWAY6)}
deadline = time.monotonic() + (PATIENCE if wanted else QUIET)
while (left := deadline - time.monotonic()) > 0 and not (wanted and wanted <= {(kind, source) for kind, source, _ in found}):
    receive(left)
print(json.dumps({'sent': sent, 'found': found}), flush=True)
