// Where the control sockets of a user's networks are:
//
//     $XDG_RUNTIME_DIR/netloom/NAME.sock     or, without such a folder, /tmp/netloom-UID/NAME.sock
//
// The folder is the user's alone (0700), which is what keeps everybody else out; the socket's own mode (0600) says it again. It is there as
// long as a network is.
import { lstatSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { NetloomError } from '../util/errors.js'

/** Longest name, in characters: a path of unix(7) has 107 bytes for it and its folder. */
const MAX_NAME = 48
/** sun_path, less the final zero (bytes). */
const MAX_PATH = 107
const SUFFIX = '.sock'
const PRIVATE = 0o700
const OTHERS = 0o077

/**
 * A name of a network, as it was given.
 * @throws NetloomError `ERR_NAME`, exit status 2.
 */
export function checkName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) && name.length <= MAX_NAME) return name
  const hint = `use up to ${MAX_NAME} letters, digits or . _ - and begin with a letter or a digit`
  throw new NetloomError('ERR_NAME', `'${name}' cannot be the name of a network`, hint, 2)
}

/** The folder of this user's control sockets, whether it is there or not. */
export function controlFolder(environment = process.env): string {
  const runtime = environment['XDG_RUNTIME_DIR']
  const isUsable = runtime !== undefined && isAbsolute(runtime) && statSync(runtime, { throwIfNoEntry: false })?.isDirectory() === true
  return isUsable ? join(runtime, 'netloom') : `/tmp/netloom-${process.getuid!()}`
}

/**
 * Makes the folder, or sees that what is there is ours and nobody else's.
 * @throws NetloomError `ERR_CONTROL`.
 */
export function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: PRIVATE })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(folder, (error as Error).message, 'set XDG_RUNTIME_DIR')
  }
  // Not through a link, which somebody else may have put there.
  const found = lstatSync(folder)
  if (!found.isDirectory()) throw unusable(folder, 'it is no folder', 'remove it')
  if (found.uid !== process.getuid!()) throw unusable(folder, 'it belongs to somebody else', 'set XDG_RUNTIME_DIR to a folder of your own')
  if ((found.mode & OTHERS) !== 0) throw unusable(folder, 'others may enter it', `chmod 700 ${folder}`)
}

const unusable = (folder: string, why: string, hint: string): NetloomError =>
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

/** Names that have a socket in the folder, of networks that run and of some that may have been killed. */
export function namesIn(folder: string): string[] {
  try {
    const files = readdirSync(folder).filter((file) => file.endsWith(SUFFIX))
    return files.map((file) => file.slice(0, -SUFFIX.length)).sort()
  } catch {
    return []
  }
}
