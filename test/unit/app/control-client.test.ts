// What a client of control sockets believes: a folder that is its user's own, a process of its user's, and answers that are as they should be.
// The others are played: a folder of another user, a server of another user, answers that lie about a PID, or carry what moves a terminal.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ask, processOf, runningNetworks } from '../../../src/app/control-client.js'
import { ControlFolder } from '../../../src/app/control-folder.js'
import { controlFolder } from '../../../src/app/control-path.js'
import { ControlPeer } from '../../../src/app/control-peer.js'
import * as schema from '../../../src/app/control-schema.js'
import { readState } from '../../../src/cli/oci-state.js'

const PROGRAM = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
const NOBODY = 65_534
const needsRoot = process.getuid!() === 0 ? false : 'needs root, to play another user'

const scratch = mkdtempSync(join(tmpdir(), 'netloom-client-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

let folder = ''
let runs = 0
const open: Server[] = []
const children: ChildProcess[] = []
beforeEach(() => {
  const runtime = join(scratch, String(++runs))
  mkdirSync(runtime)
  process.env['XDG_RUNTIME_DIR'] = runtime
  folder = join(runtime, 'netloom')
})
afterEach(async () => {
  for (const server of open.splice(0)) server.close()
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
})

const DESCRIPTION = {
  name: 'box',
  pid: 1,
  ifname: 'tap0',
  mtu: 1500,
  addresses: { network: '10.0.2.0', prefix: 24, gateway: '10.0.2.2', dns: '10.0.2.3', guest: '10.0.2.100' },
  features: { vnetHeader: true, checksum: true, tso: true, uso: false },
  counters: { flowsOpen: 0 },
}

const http = (body: string, status = 200): string => `HTTP/1.1 ${status} x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

/** Answers every connection with the same text; how many have come. */
async function played(name: string, answer: string, at = folder): Promise<{ connections: number }> {
  mkdirSync(at, { mode: 0o700, recursive: true })
  const seen = { connections: 0 }
  const server = createServer((socket) => {
    seen.connections++
    socket.on('error', () => {})
    socket.once('data', () => socket.end(answer))
  })
  open.push(server.listen(join(at, `${name}.sock`)))
  await once(server, 'listening')
  return seen
}

/** The same in a process of its own, of a user; says when it listens. */
async function playedBy(uid: number, path: string, answer: string): Promise<ChildProcess> {
  const script = `require('net').createServer((s) => { s.on('error', () => {}); s.once('data', () => s.end(${JSON.stringify(answer)})) })
    .listen(${JSON.stringify(path)}, () => console.log('listening'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'], ...(uid === 0 ? {} : { uid, gid: uid }) })
  children.push(child)
  await once(child.stdout!, 'data')
  return child
}

async function netloom(args: readonly string[], input = ''): Promise<{ status: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  children.push(child)
  child.stdin.end(input)
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { status: status as number, stdout, stderr }
}

const FOREIGN: readonly (readonly [string, () => void, RegExp])[] = [
  ['belongs to another user', () => chownSync(folder, NOBODY, NOBODY), /it belongs to somebody else; set XDG_RUNTIME_DIR/],
  ['may be entered by others', () => chmodSync(folder, 0o710), /others may enter it; chmod 700/],
  ['is a link to one of ours', () => asLink(), /it is no folder; remove it/],
  ['may be replaced by others', () => chmodSync(join(folder, '..'), 0o777), /others may put another one in its place; chmod \+t/],
]

function asLink(): void {
  renameSync(folder, `${folder}.real`)
  symlinkSync(`${folder}.real`, folder)
}

for (const [what, change, message] of FOREIGN) {
  test(`a folder that ${what} is not believed, whoever answers there`, { skip: what.includes('another user') && needsRoot }, async () => {
    const seen = await played('box', http(JSON.stringify(DESCRIPTION)))
    change()
    await assert.rejects(runningNetworks(), { code: 'ERR_CONTROL', message })
    await assert.rejects(ask('box', schema.network, 'GET', '/v1/network'), { code: 'ERR_CONTROL', message })
    await assert.rejects(processOf('box'), { code: 'ERR_CONTROL', message })
    for (const args of [['ps'], ['publish', 'ls'], ['publish', 'rm', '1', '--network', 'box']]) {
      const { status, stdout, stderr } = await netloom(args)
      assert.deepEqual([status, stdout], [1, ''])
      assert.match(stderr, message)
    }
    assert.equal(seen.connections, 0)
  })
}

test('a folder that is sticky may be one that everybody writes to, as /tmp is', async () => {
  await played('box', http(JSON.stringify(DESCRIPTION)))
  chmodSync(join(folder, '..'), 0o1777)
  assert.deepEqual(await runningNetworks(), ['box'])
})

test('an XDG_RUNTIME_DIR of somebody else is none', { skip: needsRoot }, () => {
  const runtime = join(folder, '..')
  assert.equal(controlFolder({ XDG_RUNTIME_DIR: runtime }), folder)
  chownSync(runtime, NOBODY, NOBODY)
  assert.equal(controlFolder({ XDG_RUNTIME_DIR: runtime }), `/tmp/netloom-${process.getuid!()}`)
})

test('what is put in the folder’s place after it was looked at is not asked', async () => {
  const ours = await played('box', http(JSON.stringify(DESCRIPTION)))
  const checked = ControlFolder.open(folder)!
  try {
    renameSync(folder, `${folder}.before`)
    const theirs = await played('box', http(JSON.stringify(DESCRIPTION)))
    assert.deepEqual(checked.names(), ['box'])
    const peer = ControlPeer.connect(checked.socket('box'))
    assert.ok(typeof peer !== 'string')
    peer.socket().end('x')
    while (ours.connections === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    assert.equal(theirs.connections, 0)
  } finally {
    checked.close()
  }
})

test('a server of another user is not asked, though its socket lies in the folder', { skip: needsRoot }, async () => {
  mkdirSync(folder, { mode: 0o700 })
  const public_ = join(folder, '..', 'public')
  mkdirSync(public_)
  chownSync(public_, NOBODY, NOBODY)
  chmodSync(scratch, 0o755)
  await playedBy(NOBODY, join(public_, 'box.sock'), http(JSON.stringify(DESCRIPTION)))
  linkSync(join(public_, 'box.sock'), join(folder, 'box.sock'))
  assert.deepEqual(await runningNetworks(), [])
  await assert.rejects(ask('box', schema.network, 'GET', '/v1/network'), {
    code: 'ERR_CONTROL',
    message: /served by somebody else \(UID 65534\)/,
  })
  await assert.rejects(processOf('box'), { code: 'ERR_CONTROL' })
})

const WRONG: readonly (readonly [string, string])[] = [
  ['no HTTP', 'hello\r\n\r\n'],
  ['no JSON', http('<html>')],
  ['nothing', http('')],
  ['another type', http(JSON.stringify({ ...DESCRIPTION, pid: '1; rm -rf' }))],
  ['less than all', http(JSON.stringify({ name: 'box' }))],
  ['a failure without its members', http('{"code":3}', 404)],
  ['an end before it is whole', 'HTTP/1.1 200 x\r\ncontent-length: 1000\r\n\r\n{"name"'],
]
for (const [what, answer] of WRONG) {
  test(`an answer that is ${what} is told as that, in one line`, async () => {
    await played('box', answer)
    await assert.rejects(ask('box', schema.network, 'GET', '/v1/network'), {
      code: 'ERR_CONTROL',
      message: /^the network 'box' cannot be asked: /,
    })
    const { status, stderr } = await netloom(['publish', 'ls'])
    assert.equal(status, 1)
    assert.match(stderr, /^netloom: [^\n]+\n$/)
    assert.doesNotMatch(stderr, /defect/)
  })
}

test('an answer without an end is cut off', async () => {
  mkdirSync(folder, { mode: 0o700 })
  let sent = 0
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write('HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n')
    const chunk = `100000\r\n${' '.repeat(1 << 20)}\r\n`
    const more = (): void => {
      sent++
      socket.write(chunk, () => {
        if (!socket.destroyed) more()
      })
    }
    more()
  })
  open.push(server.listen(join(folder, 'box.sock')))
  await once(server, 'listening')
  await assert.rejects(ask('box', schema.network, 'GET', '/v1/network'), { code: 'ERR_CONTROL' })
  assert.ok(sent < 60, `${sent} MiB were taken`)
})

const HOSTILE = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202eevil\nforged'
const HOSTILE_CHARACTERS = /(?!\n)\p{Cc}|\u202e/u

test('what moves a terminal is spelled out, in text and in JSON', async () => {
  await played('box', http(JSON.stringify({ ...DESCRIPTION, ifname: HOSTILE })))
  const table = await netloom(['ps'])
  assert.equal(table.status, 0, table.stderr)
  assert.doesNotMatch(table.stdout, HOSTILE_CHARACTERS)
  assert.equal(table.stdout.trimEnd().split('\n').length, 2)
  assert.match(table.stdout, /\\u001b\]0;owned\\u0007\\u001b\[2J\\u009b31m\\u202eevil\\u000aforged/)
  const json = await netloom(['ps', '--json'])
  assert.doesNotMatch(json.stdout, HOSTILE_CHARACTERS)
  assert.equal((JSON.parse(json.stdout) as { networks: { ifname: string }[] }).networks[0]!.ifname, HOSTILE)
})

test('an error that moves a terminal does not', async () => {
  await played('box', http(JSON.stringify({ code: 'X', message: HOSTILE, hint: HOSTILE }), 409))
  const { status, stderr } = await netloom(['publish', 'ls'])
  assert.equal(status, 1)
  assert.doesNotMatch(stderr, HOSTILE_CHARACTERS)
  assert.equal(stderr.trimEnd().split('\n').length, 1)
})

test('a file whose name is no network’s is no network', async () => {
  mkdirSync(folder, { mode: 0o700 })
  writeFileSync(join(folder, '\u001b[2Jx.sock'), '')
  assert.deepEqual(await runningNetworks(), [])
})

test('the poststop hook ends who serves the network, not the PID that is in its answer', async () => {
  const state = { id: 'c1', bundle: '/b', status: 'stopped' }
  const { network } = readState(JSON.stringify(state))
  const victim = spawn('sleep', ['60'], { stdio: 'ignore' })
  children.push(victim)
  mkdirSync(folder, { mode: 0o700 })
  const answer = http(JSON.stringify({ ...DESCRIPTION, name: network, pid: victim.pid }))
  const server = await playedBy(0, join(folder, `${network}.sock`), answer)
  const ended = once(server, 'exit')
  const { status, stderr } = await netloom(['oci-hook'], JSON.stringify(state))
  assert.deepEqual([status, stderr], [0, ''])
  assert.deepEqual(await ended, [null, 'SIGTERM'])
  // Killed, it would be a zombie by now: this process has not waited for it.
  assert.match(readFileSync(`/proc/${victim.pid}/stat`, 'utf8'), /^\d+ \(sleep\) S/)
})

test('the poststop hook kills nobody who answers to another name', async () => {
  await played('box', http(JSON.stringify(DESCRIPTION)))
  const process = await processOf('box')
  assert.ok(process !== null)
  process.close()
  await played('other', http(JSON.stringify(DESCRIPTION)))
  assert.equal(await processOf('other'), null)
})
