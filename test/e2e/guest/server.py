"""A TCP server in the sandbox: `server.py PORT`. The first line of a connection says what becomes of it:

    whoami      answers with the client's address and port
    echo        sends back what comes, to the end of it, and then ends
    reset       resets the connection
    slow        reads nothing for a second, then answers with the SHA-256 of all that comes
    send N      sends N bytes and ends, then answers nothing, and prints the SHA-256 of what still comes

Prints `listening` when it is ready.
"""
import hashlib
import os
import socket
import struct
import sys
import threading
import time


def line(connection):
    text = b''
    while not text.endswith(b'\n'):
        byte = connection.recv(1)
        if not byte:
            return text.decode()
        text += byte
    return text.decode().strip()


def digest(connection):
    sha = hashlib.sha256()
    while data := connection.recv(65536):
        sha.update(data)
    return sha.hexdigest()


def serve(connection, client):
    with connection:
        try:
            command, *arguments = line(connection).split()
            if command == 'whoami':
                connection.sendall(f'{client[0]} {client[1]}\n'.encode())
            elif command == 'echo':
                while data := connection.recv(65536):
                    connection.sendall(data)
            elif command == 'reset':
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            elif command == 'slow':
                time.sleep(1)
                connection.sendall(digest(connection).encode())
            elif command == 'send':
                connection.sendall(os.urandom(int(arguments[0])))
                connection.shutdown(socket.SHUT_WR)
                print('received', digest(connection), flush=True)
        except OSError as error:
            print('error', error.errno, flush=True)


listener = socket.create_server(('0.0.0.0', int(sys.argv[1])), backlog=512)
print('listening', flush=True)
while True:
    threading.Thread(target=serve, args=listener.accept(), daemon=True).start()
