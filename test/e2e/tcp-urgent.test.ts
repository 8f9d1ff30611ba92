// Urgent text (MSG_OOB) is text of the stream like any other: whole and in its place, in either direction (RFC 9293, 3.8.5; RFC 6093, 6).
import assert from 'node:assert/strict'
import { e2e, shared } from '../support/e2e.js'
import { Program } from '../support/program.js'
import { Sandbox } from '../support/sandbox.js'

const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

/** Text with an urgent byte behind every piece: pieces of one byte up to more than a frame, all different. */
const COMMON = `import socket, time
PIECES = [bytes((i * 7 + j) % 251 for j in range(size)) for i, size in enumerate([1, 2, 3, 100, 1447, 1448, 1449, 5000, 70000] * 20)]
WHOLE = b''.join(piece + b'!' for piece in PIECES)
def send(c, is_stepwise=False):
    for piece in PIECES:
        c.sendall(piece)
        c.send(b'!', socket.MSG_OOB)
        if is_stepwise: c.recv(1)
    c.shutdown(socket.SHUT_WR)
def receive(c, is_stepwise=False, pause=0):
    received, marks = b'', [sum(len(piece) + 1 for piece in PIECES[:i + 1]) for i in range(len(PIECES))]
    while data := c.recv(65536):
        received += data
        time.sleep(pause)
        # All but the urgent byte itself, which may be the very one that is kept back.
        while is_stepwise and marks and len(received) >= marks[0] - 1:
            marks.pop(0)
            c.sendall(b'+')
    return received
def check(received):
    at = next((i for i, (a, b) in enumerate(zip(received, WHOLE)) if a != b), None)
    print('received', len(received), 'of', len(WHOLE), 'first difference', at, flush=True)
`

const HOST = `${COMMON}
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print('port', s.getsockname()[1], flush=True)
c, _ = s.accept()`

async function hostProgram(rest: string): Promise<{ program: Program; port: string }> {
  const program = new Program(['python3', '-c', `${HOST}\n${rest}`])
  return { program, port: (await program.line(/^port (\d+)$/m))[1]! }
}

const guestProgram = (port: string, rest: string) =>
  sandbox().spawn(['python3', '-c', `${COMMON}\nc = socket.create_connection(('10.0.2.2', ${port}))\n${rest}`], { input: '' })

/** What `check` prints when all of it has come. */
const IS_WHOLE = /^received (\d+) of \1 first difference None$/m

for (const [how, sends, receives] of [
  ['as fast as it can', 'send(c)\nc.recv(1)', 'receive(c)'],
  ['to a guest that reads slowly', 'send(c)\nc.recv(1)', 'receive(c, pause=0.001)'],
  ['piece by piece', 'send(c, True)\nwhile c.recv(1000): pass', 'receive(c, True)'],
] as const) {
  e2e(`urgent text of the host, ${how}`, async (scope) => {
    const host = await hostProgram(sends)
    scope.use(host.program)
    const guest = scope.use(guestProgram(host.port, `check(${receives})`))
    assert.equal((await guest.finished).status, 0, guest.describe())
    assert.match(guest.stdout, IS_WHOLE)
  })
}

e2e('urgent text of the guest', async (scope) => {
  const host = await hostProgram('check(receive(c))')
  scope.use(host.program)
  const guest = scope.use(guestProgram(host.port, 'send(c)\nc.recv(1)'))
  assert.equal((await guest.finished).status, 0, guest.describe())
  assert.equal((await host.program.finished).status, 0, host.program.describe())
  assert.match(host.program.stdout, IS_WHOLE)
})
