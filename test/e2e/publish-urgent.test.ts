// Urgent text (MSG_OOB) through a published port, in either direction, also when it came before the connection was accepted, or the end of the stream
// follows (RFC 9293, 3.8.5): for a program that has it in its stream (SO_OOBINLINE; RFC 6093, 6) it is whole and in its place, for any other the urgent
// byte is beside the stream, as without us. splice(2) stops at an urgent byte.
import assert from 'node:assert/strict'
import { e2e, type Scope, shared } from '../support/e2e.js'
import { Program } from '../support/program.js'
import { Sandbox } from '../support/sandbox.js'

const PORTS = { direct: 17_500, tap: 17_501 } as const
const SERVER_PORT = 7500

type Driver = keyof typeof PORTS

/** Text with an urgent byte behind every piece; of an end that sends, and of one that receives. A receiver that confirms lets the sender wait. */
const COMMON = `import select, socket
PIECES = [bytes((i * 7 + j) % 251 for j in range(size)) for i, size in enumerate([0, 1, 2, 100, 1448, 5000, 70000] * 10)]
TAIL = b'the end'
WHOLE = b''.join(piece + b'!' for piece in PIECES)
def send(c, has_tail, waits):
    for piece in PIECES:
        c.sendall(piece)
        c.send(b'!', socket.MSG_OOB)
        if waits: assert c.recv(1) == b'+'
    if has_tail: c.sendall(TAIL)
    c.shutdown(socket.SHUT_WR)
    assert c.recv(1) == b''
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
def receive(c, has_tail, waits):
    received, confirmed, whole = b'', 0, WHOLE + (TAIL if has_tail else b'')
    marks = [sum(len(piece) + 1 for piece in PIECES[:i + 1]) for i in range(len(PIECES))]
    while data := c.recv(65536):
        received += data
        while waits and confirmed < len(marks) and len(received) >= marks[confirmed]:
            confirmed += 1
            c.sendall(b'+')
    print('whole' if received == whole else f'{len(received)} of {len(whole)}', flush=True)
`

const start = (driver: Driver) => Sandbox.start('--publish-driver', driver, '-p', `127.0.0.1:${PORTS[driver]}:${SERVER_PORT}`)
const sandboxes = {
  direct: shared(async (scope) => scope.use(await start('direct'))),
  tap: shared(async (scope) => scope.use(await start('tap'))),
}

const SERVER = `s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, IS_INLINE); s.bind(('', ${SERVER_PORT})); s.listen()
print('listening', flush=True)
c, _ = s.accept()`
const clientOf = (driver: Driver) => `c = socket.socket(); c.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, IS_INLINE)
c.connect(('127.0.0.1', ${PORTS[driver]}))`

const python = (isInline: boolean, ...rest: string[]) => ['python3', '-c', [COMMON, `IS_INLINE = ${isInline ? 1 : 0}`, ...rest].join('\n')]

async function converse(scope: Scope, driver: Driver, isFromGuest: boolean, options: string, isInline = true): Promise<void> {
  const sends = `send(c, ${options})`
  const receives = isInline ? `receive(c, ${options})` : 'exact(c)'
  const guest = scope.use(sandboxes[driver]().spawn(python(isInline, SERVER, isFromGuest ? sends : receives), { input: '' }))
  await guest.line(/^listening$/m)
  const host = scope.use(new Program(python(isInline, clientOf(driver), isFromGuest ? receives : sends), { input: '' }))
  for (const end of [host, guest]) assert.equal((await end.finished).status, 0, end.describe())
  assert.match((isFromGuest ? host : guest).stdout, isInline ? /^whole$/m : /^exact$/m)
}

for (const driver of ['direct', 'tap'] as const) {
  for (const [how, options] of [
    ['as fast as it can', 'True, False'],
    ['and the end behind the urgent byte', 'False, False'],
    ['each urgent byte waited for', 'True, True'],
  ] as const) {
    e2e(`urgent text of the client by the ${driver} driver, ${how}`, (scope) => converse(scope, driver, false, options))
    e2e(`urgent text of the server by the ${driver} driver, ${how}`, (scope) => converse(scope, driver, true, options))
  }
  const beside = 'is beside the stream of a program that has not asked for it in there'
  e2e(`the client's urgent byte by the ${driver} driver ${beside}`, (scope) => converse(scope, driver, false, 'False, True', false))
  e2e(`the server's urgent byte by the ${driver} driver ${beside}`, (scope) => converse(scope, driver, true, 'False, True', false))
}
