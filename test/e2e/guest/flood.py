"""A flood of SYNs from inside a sandbox: `flood.py INTERFACE GUEST GATEWAY TARGET COUNT`, as root of its namespace.

Writes COUNT whole Ethernet frames to the TAP, each a SYN of another connection to TARGET, as fast as the stack takes them: what
comes to a full queue of the interface is lost without a word, so a ping follows each batch, and its answer says that the batch was
read. Prints `begun` after the first batch, and a JSON document at the end.
"""
import ipaddress
import json
import os
import socket
import struct
import sys
import time

BATCH = 200  # Two of them are under way at a time: the queue holds 500 frames at least.
PATIENCE = 1
TRIES = 20
FIRST_SOURCE_PORT, SOURCE_PORTS, FIRST_PORT = 1024, 60000, 9

interface, guest, gateway, target, count = *sys.argv[1:5], int(sys.argv[5])


def total(data):
    return sum(struct.unpack(f'!{len(data) // 2}H', data))


def complement(value):
    while value >> 16:
        value = (value & 0xffff) + (value >> 16)
    return ~value & 0xffff


os.system(f'ping -c 1 -W 5 {gateway} > /dev/null')
with open('/proc/net/arp') as table:
    gateway_mac = next(bytes.fromhex(line.split()[3].replace(':', '')) for line in table if line.split()[0] == gateway)
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
raw.bind((interface, 0))
addresses = ipaddress.ip_address(guest).packed + ipaddress.ip_address(target).packed
ip = struct.pack('!BBHHHBBH', 0x45, 0, 40, 0, 0x4000, 64, 6, 0) + addresses
ip = ip[:10] + struct.pack('!H', complement(total(ip))) + ip[12:]
front = gateway_mac + raw.getsockname()[4] + b'\x08\x00' + ip
# Sequence number, no acknowledgment, five words, SYN, window.
middle = struct.pack('!IIBBH', 1000, 0, 5 << 4, 2, 65535)
constant = total(addresses) + 6 + 20 + total(middle)

pings = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
pings.settimeout(PATIENCE)
IDENTIFIER = 0x4E4C


def ask(batch):
    message = struct.pack('!BBHHH', 8, 0, 0, IDENTIFIER, batch & 0xffff)
    pings.sendto(message[:2] + struct.pack('!H', complement(total(message))) + message[4:], (gateway, 0))


def await_answer(batch):
    for _ in range(TRIES):
        try:
            while True:
                packet = pings.recv(65536)
                if packet[20] == 0 and struct.unpack('!HH', packet[24:28]) == (IDENTIFIER, batch & 0xffff):
                    return
        except TimeoutError:
            ask(batch)
    sys.exit(f'the stack does not answer: batch {batch}')


started = time.monotonic()
for number in range(count):
    source, port = FIRST_SOURCE_PORT + number % SOURCE_PORTS, FIRST_PORT + number // SOURCE_PORTS
    raw.send(front + struct.pack('!HH', source, port) + middle + struct.pack('!HH', complement(constant + source + port), 0))
    if number % BATCH == BATCH - 1:
        batch = number // BATCH
        ask(batch)
        if batch > 0:
            await_answer(batch - 1)
        else:
            print('begun', flush=True)
await_answer(count // BATCH - 1)
print(json.dumps({'sent': count, 'seconds': round(time.monotonic() - started, 2)}), flush=True)
