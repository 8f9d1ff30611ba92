// Where the control sockets of a user's networks are:
//
//     $XDG_RUNTIME_DIR/netloom/NAME.sock     or, without such a folder, /tmp/netloom-UID/NAME.sock
//
// The folder is the user's alone (0700), which is what keeps everybody else out; the socket's own mode (0600) says it again. It is there as
// long as a network is. Whether what is there is ours is checked at each use: control-folder.ts.
import { mkdirSync, rmdirSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { NetloomError } from '../util/errors.js'

/** Longest name, in characters: a path of unix(7) has 107 bytes for it and its folder. */
const MAX_NAME = 48
/** sun_path, less the final zero (bytes). */
const MAX_PATH = 107
const SUFFIX = '.sock'
const PRIVATE = 0o700

export const isName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) && name.length <= MAX_NAME

/**
 * A name of a network, as it was given.
 * @throws NetloomError `ERR_NAME`, exit status 2.
 */
export function checkName(name: string): string {
  if (isName(name)) return name
  const hint = `use up to ${MAX_NAME} letters, digits or . _ - and begin with a letter or a digit`
  throw new NetloomError('ERR_NAME', `'${name}' cannot be the name of a network`, hint, 2)
}

/** The folder of this user's control sockets, whether it is there or not. */
export function controlFolder(environment = process.env): string {
  const runtime = environment['XDG_RUNTIME_DIR']
  return runtime !== undefined && isAbsolute(runtime) && isOwnFolder(runtime)
    ? join(runtime, 'netloom')
    : `/tmp/netloom-${process.getuid!()}`
}

// One of somebody else's (`sudo -E`) counts as none: XDG Base Directory Specification, XDG_RUNTIME_DIR.
function isOwnFolder(path: string): boolean {
  try {
    const found = statSync(path)
    return found.isDirectory() && found.uid === process.getuid!()
  } catch {
    return false
  }
}

/**
 * Makes the folder if there is none; whether it may be used is for ControlFolder to see.
 * @throws NetloomError `ERR_CONTROL`.
 */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: PRIVATE })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(folder, (error as Error).message, 'set XDG_RUNTIME_DIR')
  }
}

export const unusable = (folder: string, why: string, hint: string): NetloomError =>
  new NetloomError('ERR_CONTROL', `the folder ${folder} cannot hold the control socket: ${why}`, hint)

/** Takes the folder away if it is empty. */
export function removeFolder(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // Another network has its socket there.
  }
}

/**
 * The socket of a network.
 * @throws NetloomError `ERR_CONTROL`.
 */
export function socketPath(folder: string, name: string): string {
  const path = join(folder, name + SUFFIX)
  if (Buffer.byteLength(path) > MAX_PATH)
    throw unusable(folder, 'its path is too long for a socket', 'use a shorter --name, or set XDG_RUNTIME_DIR')
  return path
}
