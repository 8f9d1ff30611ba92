"""Runs a command to which the kernel refuses something: `deny.py RULE ERRNO COMMAND [ARGUMENT...]`, by a seccomp filter.

RULE is `unshare`, `ioctl=NUMBER/MASK` (that request, and only with one of these bits in its argument) or `write-only` (opening anything for writing only, as a security module that
gives a process no capabilities refuses /proc/self/setgroups). The rule holds for everything that the command starts.
"""
import ctypes
import errno
import os
import struct
import sys

# linux/filter.h, linux/seccomp.h, linux/prctl.h
LOAD, JUMP_EQUAL, JUMP_SET, AND, RETURN = 0x20, 0x15, 0x45, 0x54, 0x06
ALLOW, ERRNO = 0x7fff0000, 0x00050000
NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2
NUMBERS = {
    'x86_64': {'unshare': 272, 'ioctl': 16, 'openat': 257},
    'aarch64': {'unshare': 97, 'ioctl': 29, 'openat': 56},
}[os.uname().machine]


def argument(index):
    """The offset of the low half of a system call's argument in struct seccomp_data."""
    return 16 + 8 * index


def program(rule, code):
    deny, allow = (RETURN, 0, 0, ERRNO | code), (RETURN, 0, 0, ALLOW)
    name, _, value = rule.partition('=')
    if name == 'unshare':
        return [(LOAD, 0, 0, 0), (JUMP_EQUAL, 0, 1, NUMBERS['unshare']), deny, allow]
    if name == 'ioctl':
        number, mask = (int(part, 0) for part in value.split('/'))
        request = [(LOAD, 0, 0, argument(1)), (JUMP_EQUAL, 0, 3, number)]
        bits = [(LOAD, 0, 0, argument(2)), (JUMP_SET, 0, 1, mask)]
        return [(LOAD, 0, 0, 0), (JUMP_EQUAL, 0, 5, NUMBERS['ioctl']), *request, *bits, deny, allow]
    test = [(LOAD, 0, 0, argument(2)), (AND, 0, 0, os.O_ACCMODE), (JUMP_EQUAL, 0, 1, os.O_WRONLY)]
    return [(LOAD, 0, 0, 0), (JUMP_EQUAL, 0, 4, NUMBERS['openat']), *test, deny, allow]


code = getattr(errno, sys.argv[2])
instructions = b''.join(struct.pack('HBBI', *instruction) for instruction in program(sys.argv[1], code))
array = ctypes.create_string_buffer(instructions, len(instructions))
fprog = ctypes.create_string_buffer(struct.pack('HxxxxxxP', len(instructions) // 8, ctypes.addressof(array)))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(SET_SECCOMP, FILTER, fprog, 0, 0):
    sys.exit(f'no seccomp filter: {os.strerror(ctypes.get_errno())}')
os.execvp(sys.argv[3], sys.argv[3:])
