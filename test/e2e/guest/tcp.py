"""The guest's end of a TCP test: `tcp.py exchange|reset|wait-reset|abandon|connect|parallel HOST PORT [ARGUMENT...]`.

Prints lines that a test can wait for, and one JSON document at the end. An error of the network is an answer, not a failure: it
stands in the document by its name.
"""
import errno
import hashlib
import json
import os
import selectors
import socket
import struct
import sys
import threading

CHUNK = 256 * 1024


def say(line):
    print(line, flush=True)


def name(error):
    return errno.errorcode.get(error.errno, str(error))


def retransmitted():
    """Segments that this namespace has sent more than once: /proc/net/snmp, RetransSegs."""
    with open('/proc/net/snmp') as file:
        names, values = [line.split() for line in file if line.startswith('Tcp:')]
    return int(values[names.index('RetransSegs')])


def linger_reset(connection):
    """What close() then sends is an RST: SO_LINGER, on, 0 seconds."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    connection.close()


class Transfer:
    """Both directions of one connection, each in full, counted and hashed."""

    def __init__(self, connection):
        self.connection = connection
        self.result = {}

    def send(self, size):
        digest = hashlib.sha256()
        try:
            sent = 0
            while sent < size:
                chunk = os.urandom(min(CHUNK, size - sent))
                self.connection.sendall(chunk)
                digest.update(chunk)
                sent += len(chunk)
            self.connection.shutdown(socket.SHUT_WR)
            say('sent')
        except OSError as error:
            self.result['sendError'] = name(error)
        self.result['sent'] = {'bytes': size, 'sha256': digest.hexdigest()}

    def receive(self, pause_after=None):
        digest = hashlib.sha256()
        size = 0
        try:
            while data := self.connection.recv(CHUNK):
                digest.update(data)
                size += len(data)
                if pause_after is not None and size >= pause_after:
                    say('pausing')
                    sys.stdin.readline()
                    pause_after = None
        except OSError as error:
            self.result['receiveError'] = name(error)
        self.result['received'] = {'bytes': size, 'sha256': digest.hexdigest()}
        say('received')


def exchange(address, size, order='both', pause_after=None):
    """Sends `size` bytes and an end, and receives up to the other's end: both at once, or one after the other; after some bytes it waits for a line of input."""
    transfer = Transfer(socket.create_connection(address))
    size = int(size)
    pause_after = None if pause_after is None else int(pause_after)
    if order == 'send-first':
        transfer.send(size)
        transfer.receive(pause_after)
    elif order == 'receive-first':
        transfer.receive(pause_after)
        transfer.send(size)
    else:
        sender = threading.Thread(target=transfer.send, args=(size,))
        sender.start()
        transfer.receive(pause_after)
        sender.join()
    transfer.connection.close()
    return transfer.result


def reset(address, half_closed=''):
    """Says a byte, waits for one, and resets; with 'half-closed' after the end of its own direction."""
    connection = socket.create_connection(address)
    connection.sendall(b'x')
    received = connection.recv(1)
    if half_closed:
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
    linger_reset(connection)
    return {'received': len(received)}


def abandon(address):
    """Closes with unread data: the kernel resets (RFC 2525, 2.17)."""
    connection = socket.create_connection(address)
    connection.sendall(b'x')
    connection.recv(1)
    # Wait for the rest without taking it.
    while len(connection.recv(65536, socket.MSG_PEEK)) == 0:
        pass
    connection.close()
    return {}


def wait_reset(address, half_closed=''):
    """Says a byte, then reads to whatever end there is."""
    connection = socket.create_connection(address)
    connection.sendall(b'x')
    if half_closed:
        connection.shutdown(socket.SHUT_WR)
    size = 0
    try:
        while data := connection.recv(65536):
            size += len(data)
    except OSError as error:
        return {'error': name(error), 'received': size}
    return {'error': None, 'received': size}


def connect(address, timeout=30):
    before = retransmitted()
    try:
        socket.create_connection(address, timeout=float(timeout)).close()
    except OSError as error:
        failure = 'ETIMEDOUT' if isinstance(error, TimeoutError) else name(error)
        return {'error': failure, 'retransmitted': retransmitted() - before}
    return {'error': None, 'retransmitted': retransmitted() - before}


def parallel(address, count, size):
    """Opens `count` connections, then sends `size` bytes on each while it reads their echo."""
    count, size = int(count), int(size)
    selector = selectors.DefaultSelector()
    connections = [socket.create_connection(address) for _ in range(count)]
    say('connected')
    states = []
    for connection in connections:
        connection.setblocking(False)
        state = {'data': memoryview(os.urandom(size)), 'sent': 0, 'hash': hashlib.sha256(), 'received': 0}
        selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, state)
        states.append(state)
    while selector.get_map():
        for key, events in selector.select():
            state = key.data
            if events & selectors.EVENT_WRITE:
                state['sent'] += key.fileobj.send(state['data'][state['sent']:])
                if state['sent'] == size:
                    key.fileobj.shutdown(socket.SHUT_WR)
                    selector.modify(key.fileobj, selectors.EVENT_READ, state)
            if events & selectors.EVENT_READ:
                data = key.fileobj.recv(65536)
                state['hash'].update(data)
                state['received'] += len(data)
                if not data:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
    equal = sum(1 for state in states if state['hash'].digest() == hashlib.sha256(state['data']).digest())
    return {'equal': equal, 'received': sum(state['received'] for state in states)}


COMMANDS = {
    'exchange': exchange,
    'reset': reset,
    'wait-reset': wait_reset,
    'abandon': abandon,
    'connect': connect,
    'parallel': parallel,
}
print(json.dumps(COMMANDS[sys.argv[1]]((sys.argv[2], int(sys.argv[3])), *sys.argv[4:])), flush=True)
