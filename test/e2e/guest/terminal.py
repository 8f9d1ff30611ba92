"""Plays a person at a terminal: `terminal.py JSON COMMAND [ARGUMENT...]` runs the command under a pseudo terminal of 40 x 100.

JSON is a list of steps: ["expect", TEXT] waits until the command printed TEXT after what the steps before waited for, ["type", TEXT]
types, ["size", ROWS, COLUMNS] resizes the window, ["eof"] types ^D, ["hang up"], the last, takes the terminal away. Prints
{"status", "output"} when the command has ended.
"""
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

PATIENCE = 30


def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))


def read(deadline):
    """What the command printed meanwhile; b'' when it has closed the terminal."""
    readable, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
    if not readable:
        sys.exit(f'nothing more was printed after {output!r}')
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: the last process that had it open is gone
        return b''


steps = json.loads(sys.argv[1])
child, terminal = pty.fork()
if child == 0:
    # The size is set before the command starts: wait for it.
    os.read(0, 1)
    os.execvp(sys.argv[2], sys.argv[2:])

resize(40, 100)
os.write(terminal, b'\n')
output = b''
seen = 0
for step, *arguments in steps:
    if step == 'type':
        os.write(terminal, arguments[0].encode())
    elif step == 'eof':
        os.write(terminal, b'\x04')
    elif step == 'size':
        resize(*arguments)
    elif step == 'hang up':
        os.close(terminal)
    else:
        text = arguments[0].encode()
        deadline = time.monotonic() + PATIENCE
        while text not in output[seen:]:
            data = read(deadline)
            if not data:
                sys.exit(f'ended before {text!r} was printed: {output!r}')
            output += data
        seen = output.index(text, seen) + len(text)
while steps[-1][0] != 'hang up' and (data := read(time.monotonic() + PATIENCE)):
    output += data
_, status = os.waitpid(child, 0)
print(json.dumps({'status': os.waitstatus_to_exitcode(status), 'output': output.decode()}), flush=True)
