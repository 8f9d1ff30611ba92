// Node's debugger: whoever reaches it runs what it likes in this process. Node opens it at SIGUSR1, on 127.0.0.1:9229. A sandbox has our uid, so it
// may send the signal where it sees our PID, and the gateway may lead to that address. So no process of ours has a debugger:
//
//     exec to the first JavaScript    arguments of Node: native/src/node/start.c for programs, `spawnNode` for what they start
//     first line of a program         the signal is taken from Node for good, a debugger that is open ends the process: cached.ts
//     before a network is ready       looked at again: for a Node that was started by hand the signal may have come in between
//
// The process of a user of the library is the user's, and may have a debugger; but Network.harden() is refused then, and takes the signal.
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { writeSync } from 'node:fs'

const STANDARD_ERROR = 2

/** Where the debugger of this process listens; undefined when it does not, or when this Node has none. */
export function debuggerAddress(): string | undefined {
  return process.features.inspector ? process.getBuiltinModule('node:inspector').url() : undefined
}

/** Takes SIGUSR1 from Node for good: who gives it back leaves its usual effect. A listener of the user's has taken it already. */
export function takeDebuggerSignal(): void {
  if (process.listenerCount('SIGUSR1') > 0) return
  const nothing = (): void => {}
  process.on('SIGUSR1', nothing)
  process.off('SIGUSR1', nothing)
}

/**
 * For programs of ours: ends this process when its debugger is open. At once, and by a signal that nothing can hold up: closing the debugger and leaving
 * in order both wait for those who are connected to it.
 */
export function refuseDebugger(): void {
  const address = debuggerAddress()
  if (address === undefined) return
  try {
    const hint = 'start it without --inspect, NODE_OPTIONS=--inspect and SIGUSR1'
    writeSync(STANDARD_ERROR, `netloom: Node's debugger is open at ${address}, where a sandbox could reach it: ${hint}\n`)
  } catch {
    // Nobody reads.
  }
  process.kill(process.pid, 'SIGKILL')
}

/** Starts another program of ours in Node, with our environment. `program` is the file, and its arguments. */
export function spawnNode(program: readonly string[], stdio: StdioOptions): ChildProcess {
  const { NODE_OPTIONS: _, ...env } = process.env
  return spawn(process.execPath, [...nodeArguments(), ...program], { stdio, env })
}

/** As native/src/node/start.c has them. */
function nodeArguments(): string[] {
  return ['--inspect-port=[ff00::]:0', ...['--disable-sigusr1'].filter((name) => process.allowedNodeEnvironmentFlags.has(name))]
}
