/*
 * What a person sees when something cannot be done: one line that says what was wrong, what was expected and what helps, with a
 * stable code for programs and the exit status of the command line (as env and unshare have it: 126 not executable, 127 not
 * found, 2 wrong use, 1 anything else).
 */

import { constants } from 'node:os'

type ExitCode = 1 | 2 | 126 | 127

export class NetloomError extends Error {
  override readonly name = 'NetloomError'
  /** Stable, upper case: programs may compare it. */
  readonly code: string
  /** The remedy alone, '' when there is none. */
  readonly hint: string
  /** The status a command line ends with. */
  readonly exitCode: ExitCode

  /**
   * `message`: what was wrong and what was expected; `hint`: what to do about it, joined to the message. Together one line, without
   * a full stop.
   */
  constructor(code: string, message: string, hint = '', exitCode: ExitCode = 1, cause?: unknown) {
    super(hint === '' ? message : `${message}; ${hint}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = hint
    this.exitCode = exitCode
  }

  /** A failed system call, named: `connect: ECONNREFUSED`. `errno` may have either sign. */
  static system(call: string, errno: number, hint = '', exitCode: ExitCode = 1): NetloomError {
    const code = errnoName(errno)
    return new NetloomError(code, `${call}: ${code}`, hint, exitCode)
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
