# Starts a program with a TAP of a network namespace as one of its descriptors, which it finds as the last but one of its arguments:
#
#     tapfd.py PID NAME vnet|plain PROGRAM [ARG...]
#
# A child enters the namespaces, opens the TAP and sends it here.
import array
import fcntl
import os
import socket
import struct
import subprocess
import sys

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
IFF_VNET_HDR = 0x4000


def send_tap(name, kind):
    tun = os.open('/dev/net/tun', os.O_RDWR)
    flags = IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if kind == 'vnet' else 0)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', name.encode(), flags))
    with socket.socket(fileno=0) as channel:
        channel.sendmsg([b'tap'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [tun]))])


def main(pid, name, kind, *command):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    inside = ['nsenter', f'--target={pid}', '--user', '--net', '--preserve-credentials', '--', sys.executable, __file__, 'inside', name, kind]
    subprocess.run(inside, stdin=theirs, check=True)
    _, (message, *_), _, _ = ours.recvmsg(16, socket.CMSG_SPACE(4))
    tap = struct.unpack('i', message[2])[0]
    os.set_inheritable(tap, True)
    os.execv(command[0], [*command, '--netns-type=tapfd', str(tap)])


if sys.argv[1] == 'inside':
    send_tap(sys.argv[2], sys.argv[3])
else:
    main(*sys.argv[1:])
