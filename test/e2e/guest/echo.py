"""Echoes TCP and UDP on one port number of all its addresses, one that the kernel chooses: `echo.py ADDRESS...`. Prints `port N`."""
import socket
import sys
import threading


def family(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


def listen(addresses):
    """A TCP and a UDP socket of each address with the same number; another process may have one of them, so try again."""
    for _ in range(100):
        sockets, port = [], 0
        try:
            for address in addresses:
                tcp = socket.create_server((address, port), family=family(address), backlog=512)
                udp = socket.socket(family(address), socket.SOCK_DGRAM)
                sockets += [tcp, udp]
                port = tcp.getsockname()[1]
                udp.bind((address, port))
            return sockets, port
        except OSError:
            for one in sockets:
                one.close()
    sys.exit('no port that is free for all')


def echo(connection):
    with connection:
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except OSError:
            pass


def echo_datagrams(udp):
    while True:
        data, sender = udp.recvfrom(65536)
        udp.sendto(data, sender)


def accept(tcp):
    while True:
        connection, _ = tcp.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


sockets, port = listen(sys.argv[1:])
for one in sockets:
    target = accept if one.type == socket.SOCK_STREAM else echo_datagrams
    threading.Thread(target=target, args=(one,), daemon=True).start()
print('port', port, flush=True)
threading.Event().wait()
