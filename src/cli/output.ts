// Lines for people and programs. Written at once and as a whole to the descriptors: process.stdout and process.stderr would cost
// time at the start, be lost at exit when they are pipes, and take over SIGWINCH when they are a terminal.
import { closeSync, fstatSync, writeSync } from 'node:fs'
import { NetloomError } from '../util/errors.js'
import { Log, type LogLevel } from '../util/log.js'
import { visibleLines } from '../util/text.js'

const STANDARD_INPUT = 0
const STANDARD_OUTPUT = 1
const STANDARD_ERROR = 2

/** Of a slow reader behind a pipe that is non-blocking: how long one line waits for it (ms). */
const PATIENCE = 1000

function write(descriptor: number, text: string): void {
  const bytes = Buffer.from(text)
  const pause = new Int32Array(new SharedArrayBuffer(4))
  const end = performance.now() + PATIENCE
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at)
    } catch (error) {
      // Nobody reads any more, or not in time: what we are here for goes on.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > end) return
      Atomics.wait(pause, 0, 0, 5)
    }
  }
}

/** Whole lines on standard output, line ends included. What no terminal should be told is spelled out, whoever said it. */
export const print = (text: string): void => write(STANDARD_OUTPUT, visibleLines(text))

/** A log on standard error. */
export const createLog = (level: LogLevel): Log => new Log(level, (text) => write(STANDARD_ERROR, text))

/** Tells what went wrong and returns the exit status: one line for what a person can do something about, all there is for a defect. */
export function fail(error: unknown): number {
  const log = createLog('normal')
  if (error instanceof NetloomError) {
    log.error(error.message)
    return error.exitCode
  }
  log.error(`this is a defect of netloom, please report it: ${error instanceof Error ? error.message : String(error)}`)
  if (error instanceof Error && error.stack !== undefined) write(STANDARD_ERROR, visibleLines(`${error.stack}\n`))
  return 1
}

function isDevice(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isCharacterDevice()
  } catch {
    // It is closed.
    return false
  }
}

/**
 * Ends the process. Node sets a terminal to what it was before, and aborts when that fails because the terminal has hung up; not for a
 * stream that is closed. (A stream that is some other device, such as /dev/null, is no loss at this point.)
 */
export async function exit(status: number): Promise<never> {
  const devices = [STANDARD_INPUT, STANDARD_OUTPUT, STANDARD_ERROR].filter(isDevice)
  // Loaded only where there may be a terminal: it takes its time.
  const tty = devices.length > 0 ? await import('node:tty') : null
  for (const descriptor of devices) if (tty?.isatty(descriptor) === false) closeSync(descriptor)
  process.exit(status)
}

/** Wrong use of the command line: status 2. */
export const usageError = (message: string, hint: string): NetloomError => new NetloomError('ERR_USAGE', message, hint, 2)
