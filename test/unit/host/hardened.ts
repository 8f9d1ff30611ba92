// Hardens itself, then tries what it may do no longer, on this thread, on one of libuv's and in a new worker; prints the outcomes as JSON. Not a test by
// itself: hardening.test.ts starts it with a folder to write to, a file in it, and a file there on which the test listens.
import { readFileSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { hardenProcess } from '../../../src/host/hardening.js'
import { Log } from '../../../src/util/log.js'

const [folder = '', secret = '', means = ''] = process.argv.slice(2)
const socket = join(folder, 'control', 'name.sock')

const told: Record<string, string> = {}
function attempt(what: string, act: () => void): void {
  try {
    act()
    told[what] = 'done'
  } catch (error) {
    told[what] = (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

/** On a thread of libuv's pool. */
async function attemptLater(what: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
    told[what] = 'done'
  } catch (error) {
    told[what] = (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

// The pool has its threads by then.
await readFile(secret)
const notes: string[] = []
const hardened = { sandbox: means.includes('sandbox'), seccomp: means.includes('seccomp'), isBestEffort: true }
hardenProcess(hardened, socket, new Log('verbose', (text) => notes.push(text)))
attempt('signal to another process', () => process.kill(process.ppid, 0))
attempt('signal to itself', () => process.kill(process.pid, 0))
attempt('read', () => readFileSync(secret))
attempt('write', () => writeFileSync(join(folder, 'new'), ''))
attempt('resolv.conf', () => readFileSync('/etc/resolv.conf'))
attempt('remove a file', () => unlinkSync(secret))
attempt('remove the socket', () => unlinkSync(socket))
attempt('remove its folder', () => rmdirSync(join(folder, 'control')))
await attemptLater('connect to a socket with a path', () => {
  const socket = connect(join(folder, 'bus'))
  return new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject)).finally(() => socket.destroy())
})
await attemptLater('read in the pool', () => readFile(secret))
await attemptLater('processes', () => readdir('/proc'))
await attemptLater('the package', () => import('zod'))
const worker = new Worker(
  `try { require('node:fs').readFileSync(${JSON.stringify(secret)}); require('node:worker_threads').parentPort.postMessage('done') }
   catch (error) { require('node:worker_threads').parentPort.postMessage(error.code) }`,
  { eval: true },
)
told['read in a worker'] = await new Promise((resolve) => worker.once('message', resolve))
console.log(JSON.stringify({ told, notes: notes.join('') }))
