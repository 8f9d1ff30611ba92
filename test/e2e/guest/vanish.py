"""A connection whose peer may vanish: `vanish.py HOST PORT keep-alive|user-timeout|both`.

Echoes a byte, says `ready`, and for each line of input echoes another byte with all that came; at the end of input it waits for what becomes of the
connection. Prints one JSON document: the error by its name, or null.
"""
import errno
import json
import select
import socket
import sys

# Seconds: as quick as a kernel lets a program be.
IDLE, INTERVAL, PROBES = 1, 1, 3
# ms.
USER_TIMEOUT = 2000

host, port, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
connection = socket.create_connection((host, port))
if what != 'user-timeout':
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, INTERVAL)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
if what != 'keep-alive':
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT)


def echo(byte):
    connection.sendall(byte)
    return connection.recv(1) == byte


def wait():
    """A program that only waits has its kernel ask; one with a user timeout says something each half second."""
    while True:
        if what == 'keep-alive':
            return connection.recv(1)
        readable, _, _ = select.select([connection], [], [], 0.5)
        if readable:
            return connection.recv(1)
        connection.send(b'x')


result = {'error': None}
try:
    result['echoed'] = int(echo(b'a'))
    print('ready', flush=True)
    for _ in sys.stdin:
        result['echoed'] += int(echo(b'b'))
        print('echoed', flush=True)
    wait()
except OSError as error:
    result['error'] = errno.errorcode.get(error.errno, str(error))
print(json.dumps(result), flush=True)
