"""Echoes TCP and UDP on one port number of an address, one that the kernel chooses: `echo.py ADDRESS`. Prints `port N`."""
import socket
import sys
import threading


def listen(address):
    """A TCP and a UDP socket with the same number; another process may have the UDP one, so try again."""
    for _ in range(100):
        tcp = socket.create_server((address, 0), backlog=512)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind((address, tcp.getsockname()[1]))
            return tcp, udp
        except OSError:
            tcp.close()
            udp.close()
    sys.exit('no port that is free for both')


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


tcp, udp = listen(sys.argv[1])
threading.Thread(target=echo_datagrams, args=(udp,), daemon=True).start()
print('port', tcp.getsockname()[1], flush=True)
while True:
    connection, _ = tcp.accept()
    threading.Thread(target=echo, args=(connection,), daemon=True).start()
