// The folder of a user's control sockets, as those use it who look for networks there. Others may write where it is (/tmp), so what is
// there is believed only if it is the user's own: a folder and no link, of this user, that nobody else may enter. It is opened once and
// checked as what was opened, and all that follows goes by that descriptor, whatever its path leads to by then.
import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, statSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { controlFolder, isName, socketPath, unusable } from './control-path.js'

const SUFFIX = '.sock'
/** Of a mode: what anybody but the owner may do; what anybody but the owner may write; that only who owns a file may rename it. */
const OTHERS = 0o077
const OTHERS_WRITE = 0o022
const STICKY = 0o1000

export class ControlFolder {
  readonly path: string
  readonly #descriptor: number
  /** A path that leads to what was opened; without /proc the folder's own. */
  readonly #base: string

  private constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
    const opened = `/proc/self/fd/${descriptor}`
    this.#base = existsSync(opened) ? opened : path
  }

  /**
   * Opens the folder, and sees that it is ours and nobody else's; null when there is none.
   * @throws NetloomError `ERR_CONTROL`.
   */
  static open(path = controlFolder()): ControlFolder | null {
    let descriptor: number
    try {
      descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return null
      if (code === 'ENOTDIR' || code === 'ELOOP') throw unusable(path, 'it is no folder', 'remove it')
      throw unusable(path, code === 'EACCES' ? 'it may not be entered' : String(code), 'set XDG_RUNTIME_DIR to a folder of your own')
    }
    try {
      check(path, descriptor)
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
    return new ControlFolder(path, descriptor)
  }

  /** Names that have a socket here, of networks that run and of some that may have been killed. */
  names(): string[] {
    const files = readdirSync(this.#base).filter((file) => file.endsWith(SUFFIX))
    return files
      .map((file) => file.slice(0, -SUFFIX.length))
      .filter(isName)
      .sort()
  }

  /** The socket of a network, by a path that cannot come to lead elsewhere. */
  socket(name: string): string {
    return this.#base === this.path ? socketPath(this.path, name) : join(this.#base, name + SUFFIX)
  }

  /** Takes away the socket of a network that was killed. */
  remove(name: string): void {
    try {
      unlinkSync(join(this.#base, name + SUFFIX))
    } catch {
      // Somebody else has looked, too.
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/** A folder that is open; the one it is in must not let others put another one in its place. */
function check(path: string, descriptor: number): void {
  const found = fstatSync(descriptor)
  if (found.uid !== process.getuid!()) throw unusable(path, 'it belongs to somebody else', 'set XDG_RUNTIME_DIR to a folder of your own')
  if ((found.mode & OTHERS) !== 0) throw unusable(path, 'others may enter it', `chmod 700 ${path}`)
  const parent = statSync(dirname(path))
  if ((parent.mode & OTHERS_WRITE) !== 0 && (parent.mode & STICKY) === 0)
    throw unusable(
      path,
      'others may put another one in its place',
      `chmod +t ${dirname(path)}, or set XDG_RUNTIME_DIR to a folder of your own`,
    )
}
