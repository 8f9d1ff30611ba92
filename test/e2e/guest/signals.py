"""Says `ready`, then `got NAME` for every signal it receives; when its standard input ends, how often each came, as JSON.

It reports from the main loop and not from the handler, through the wake-up descriptor, so that no signal is lost or doubled here.
"""
import json
import os
import select
import signal
import socket
import sys

NAMES = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGWINCH']
ours, theirs = socket.socketpair()
ours.setblocking(False)
theirs.setblocking(False)
signal.set_wakeup_fd(theirs.fileno())
for name in NAMES:
    signal.signal(getattr(signal, name), lambda *_: None)
print('ready', flush=True)
counts = {}
while True:
    readable, _, _ = select.select([ours, sys.stdin], [], [])
    if ours in readable:
        for number in ours.recv(64):
            name = signal.Signals(number).name
            counts[name] = counts.get(name, 0) + 1
            print('got', name, flush=True)
    if sys.stdin in readable and not os.read(0, 4096):
        break
print(json.dumps(counts), flush=True)
