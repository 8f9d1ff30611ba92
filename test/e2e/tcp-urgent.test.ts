// Urgent text (MSG_OOB), in either direction (RFC 9293, 3.8.5): for a program that has it in its stream (SO_OOBINLINE; RFC 6093, 6) it is whole and in
// its place, for any other the urgent byte is beside the stream, as without us.
import assert from 'node:assert/strict'
import { e2e, shared } from '../support/e2e.js'
import { Program } from '../support/program.js'
import { Sandbox } from '../support/sandbox.js'

const sandbox = shared(async (scope) => scope.use(await Sandbox.start()))

/** Text with an urgent byte behind every piece: pieces of one byte up to more than a frame, all different. */
const COMMON = `import select, socket, time
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
def exact(c):
    for piece in PIECES:
        stream, urgent = b'', b''
        while len(stream) < len(piece) or not urgent:
            readable, _, marked = select.select([c], [], [c], 20)
            if marked: urgent = c.recv(1, socket.MSG_OOB)
            elif readable: stream += c.recv(65536)
            else: break
        if (stream, urgent) != (piece, b'!'):
            print('a piece of', len(piece), 'came as', len(stream), urgent, flush=True)
            return
        c.sendall(b'+')
    print('exact' if c.recv(1) == b'' else 'and more', flush=True)
def check(received):
    at = next((i for i, (a, b) in enumerate(zip(received, WHOLE)) if a != b), None)
    print('received', len(received), 'of', len(WHOLE), 'first difference', at, flush=True)
`

const host = (isInline: boolean) => `${COMMON}
IS_INLINE = ${isInline ? 1 : 0}
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, IS_INLINE); s.bind(('127.0.0.1', 0)); s.listen(); print('port', s.getsockname()[1], flush=True)
c, _ = s.accept()`

async function hostProgram(rest: string, isInline = true): Promise<{ program: Program; port: string }> {
  const program = new Program(['python3', '-c', `${host(isInline)}\n${rest}`])
  return { program, port: (await program.line(/^port (\d+)$/m))[1]! }
}

const guestProgram = (port: string, rest: string, isInline = true) => {
  const made = `c = socket.socket(); c.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, ${isInline ? 1 : 0}); c.connect(('10.0.2.2', ${port}))`
  return sandbox().spawn(['python3', '-c', `${COMMON}\n${made}\n${rest}`], { input: '' })
}

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

const SENDS_EXACTLY = 'send(c, True)\nwhile c.recv(1000): pass'

e2e("the host's urgent byte is beside the stream of a guest's program that has not asked for it in there", async (scope) => {
  const host = await hostProgram(SENDS_EXACTLY, false)
  scope.use(host.program)
  const guest = scope.use(guestProgram(host.port, 'exact(c)', false))
  assert.equal((await guest.finished).status, 0, guest.describe())
  assert.equal(guest.stdout.trim(), 'exact')
})

e2e("the guest's is beside the stream of a program of the host", async (scope) => {
  const host = await hostProgram('exact(c)', false)
  scope.use(host.program)
  const guest = scope.use(guestProgram(host.port, SENDS_EXACTLY, false))
  assert.equal((await guest.finished).status, 0, guest.describe())
  assert.equal((await host.program.finished).status, 0, host.program.describe())
  assert.equal(host.program.stdout.trim().split('\n').at(-1), 'exact')
})
