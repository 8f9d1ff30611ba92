// The root of containers without an image: a folder in which the host's /usr is mounted, so that every program of the host is there, and
// those of test/e2e/guest beside it.
import { chownSync, existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { world } from './world.js'

const GUEST_FOLDER = '/guest'

/** What has to be mounted, read-only: from, to. */
export const CONTAINER_MOUNTS = [
  ['/usr', '/usr'],
  [join(world.root, 'test/e2e/guest'), GUEST_FOLDER],
] as const

/** A new root folder for containers, the user's, into which /usr has to be mounted. */
export function makeRoot(folder: string): string {
  const own = (path: string): void => {
    mkdirSync(path)
    chownSync(path, world.user.uid, world.user.gid)
  }
  own(folder)
  for (const name of ['usr', 'etc', 'proc', 'sys', 'dev', 'tmp', 'run', GUEST_FOLDER.slice(1)]) own(join(folder, name))
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) if (existsSync(`/usr/${name}`)) symlinkSync(`usr/${name}`, join(folder, name))
  return folder
}

/** A program of test/e2e/guest, as a command in a container. */
export const guestCommand = (name: string, ...args: readonly (string | number)[]): string[] => [
  'python3',
  join(GUEST_FOLDER, name),
  ...args.map(String),
]
