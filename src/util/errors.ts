/*
 * What a person sees when something cannot be done: one line that says what was wrong, what was expected and what helps, with a
 * stable code for programs and the exit status of the command line (as env and unshare have it: 126 not executable, 127 not
 * found, 2 wrong use, 1 anything else).
 */

import { constants } from 'node:os'

export type ExitCode = 1 | 2 | 126 | 127

export interface NetloomErrorOptions {
  /** Stable, upper case: `EBADCIDR`, `ENOTUN`. */
  code: string
  /** What was wrong and what was expected. One line, no full stop. */
  message: string
  /** What to do about it, as a command or an instruction. Joined to the message. */
  hint?: string
  /** Default 1. */
  exitCode?: ExitCode
  cause?: unknown
}

export class NetloomError extends Error {
  override readonly name = 'NetloomError'
  /** Stable: programs may compare it. */
  readonly code: string
  /** The remedy alone, '' when there is none. */
  readonly hint: string
  /** The status a command line ends with. */
  readonly exitCode: ExitCode

  constructor(options: NetloomErrorOptions) {
    const hint = options.hint ?? ''
    const text = hint === '' ? options.message : `${options.message}; ${hint}`
    super(text, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code
    this.hint = hint
    this.exitCode = options.exitCode ?? 1
  }
}

const names = new Map<number, string>()
for (const [name, number] of Object.entries(constants.errno)) {
  // EAGAIN and EOPNOTSUPP are the names people know; EWOULDBLOCK and ENOTSUP are the same numbers on Linux.
  if (name !== 'EWOULDBLOCK' && name !== 'ENOTSUP') names.set(number, name)
}

/** `ECONNREFUSED` of 111 or of -111, the form in which the addon returns it. */
export function errnoName(errno: number): string {
  const number = Math.abs(errno)
  return names.get(number) ?? `errno ${number}`
}

/** A failed system call, named: `connect: ECONNREFUSED`. `result` is an errno or the -errno the addon returned. */
export function systemError(call: string, result: number, options: { hint?: string; exitCode?: ExitCode } = {}): NetloomError {
  const code = errnoName(result)
  return new NetloomError({ ...options, code, message: `${call}: ${code}` })
}
