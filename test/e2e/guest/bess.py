# A switch of BESS, as much of it as a test needs: bess.py PATH connects, asks for the gateway's MAC address, pings it, and leaves.
import socket
import struct
import sys

MAC = bytes.fromhex('020000000001')
GUEST = socket.inet_aton('10.0.2.100')
GATEWAY = socket.inet_aton('10.0.2.2')
ARP = 0x0806
IPV4 = 0x0800


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def receive(switch, kind):
    while True:
        frame = switch.recv(65536)
        if struct.unpack('!H', frame[12:14])[0] == kind:
            return frame


def main(path):
    switch = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    switch.connect(path)
    arp = struct.pack('!HHBBH6s4s6s4s', 1, IPV4, 6, 4, 1, MAC, GUEST, b'\0' * 6, GATEWAY)
    switch.send(b'\xff' * 6 + MAC + struct.pack('!H', ARP) + arp)
    reply = receive(switch, ARP)
    router = reply[22:28]
    print(f'arp {socket.inet_ntoa(reply[28:32])} is at {router.hex(":")}')
    echo = struct.pack('!BBHHH', 8, 0, 0, 1, 1) + bytes(56)
    echo = echo[:2] + struct.pack('!H', checksum(echo)) + echo[4:]
    header = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(echo), 1, 0, 64, 1, 0, GUEST, GATEWAY)
    header = header[:10] + struct.pack('!H', checksum(header)) + header[12:]
    switch.send(router + MAC + struct.pack('!H', IPV4) + header + echo)
    packet = receive(switch, IPV4)[14:]
    length = struct.unpack('!H', packet[2:4])[0]
    assert packet[20] == 0 and packet[12:16] == GATEWAY
    print(f'echo reply of {length - 28} bytes')


main(sys.argv[1])
