// perf(1) beside a measurement. It needs the room's root, who is the keeper; the runner tells it by their channel when to begin and when to end:
//
//   runner  { record: [PID, ...] }                  { stop: true }
//   keeper         perf record -p PID,...                   SIGINT, perf script      { samples: FILE } or { problem: TEXT }
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../support/options.js'
import { type Cost, costs } from '../support/perf.js'

/** Samples a second: no multiple of a timer's. */
const FREQUENCY = 1999
/** ms from the begin that are left out: what comes first is the start of the load, and V8 compiling. */
const DELAY = 1000
const MOST = 10

type Request = { readonly record: readonly number[] } | { readonly stop: true }
type Answer = { readonly samples: string } | { readonly problem: string }

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })

/** Keeper: records what the runner asks for, into a folder. */
export function recordFor(runner: ChildProcess, folder: string): void {
  const data = join(folder, 'perf.data')
  const samples = join(folder, 'perf.txt')
  let recording: { child: ChildProcess; end: Promise<void>; pids: readonly number[] } | undefined
  const begin = (all: readonly number[]) => {
    // Of one that has ended perf records nothing, nor of the others then.
    const pids = all.filter((pid) => !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')))
    const args = ['record', '--quiet', '-g', '-F', String(FREQUENCY), '--delay', String(DELAY), '-o', data, '-p', pids.join(',')]
    const child = spawn('perf', args, { stdio: 'ignore' })
    recording = { child, end: ended(child), pids }
  }
  const finish = async (): Promise<Answer> => {
    if (recording === undefined) return { problem: 'nothing is being recorded' }
    const { child, end, pids } = recording
    recording = undefined
    child.kill('SIGINT')
    await end
    const output = openSync(samples, 'w', 0o644)
    const script = spawn('perf', ['script', '--force', '-i', data, '-F', 'comm,pid,tid,ip,sym,dso'], {
      stdio: ['ignore', output, 'ignore'],
    })
    await ended(script)
    closeSync(output)
    // V8 leaves the names of its functions there, and nothing else would remove them.
    for (const pid of pids) rmSync(`/tmp/perf-${pid}.map`, { force: true })
    return script.exitCode === 0 ? { samples } : { problem: 'perf has recorded nothing: is it installed, and may root use it here?' }
  }
  runner.on('message', (message) => {
    const request = message as Request
    if ('record' in request) begin(request.record)
    else void finish().then((answer) => runner.send(answer))
  })
}

/** Runner: what the processes' CPU time goes to while something is done, the ten largest costs first. */
export async function withRecording<T>(pids: readonly number[], work: () => Promise<T>): Promise<{ result: T; costs: Cost[] }> {
  const tell = (request: Request) => {
    if (process.send === undefined) throw new UsageError('--perf needs root')
    process.send(request)
  }
  tell({ record: pids })
  let result: T
  const answered = new Promise<Answer>((resolve) => process.once('message', (message) => resolve(message as Answer)))
  try {
    result = await work()
  } finally {
    tell({ stop: true })
    await answered
  }
  const answer = await answered
  if ('problem' in answer) throw new Error(answer.problem)
  return { result, costs: costs(readFileSync(answer.samples, 'utf8'), MOST) }
}
