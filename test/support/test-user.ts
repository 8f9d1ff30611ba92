// The product is for people without privileges, so the e2e tests drop them. As root: a system account of its own, made once; the
// device that every distribution gives to everybody is given to everybody. Not as root: the caller's own account, and what cannot
// be prepared without privileges is said as a reason, for the tests to be skipped with.
import { spawnSync } from 'node:child_process'
import { accessSync, chmodSync, constants, existsSync, mkdirSync } from 'node:fs'

export interface TestUser {
  name: string
  uid: number
  gid: number
}

const ACCOUNT = 'netloom-test'
const TUN = '/dev/net/tun'
/** What `mknod` needs for the TUN/TAP driver: Documentation/admin-guide/devices.txt, 10 char, 200. */
const TUN_DEVICE = ['c', '10', '200']

function lookUp(name: string): TestUser | undefined {
  const found = spawnSync('getent', ['passwd', name], { encoding: 'utf8' })
  const fields = (found.stdout ?? '').trim().split(':')
  return found.status === 0 && fields.length > 3 ? { name, uid: Number(fields[2]), gid: Number(fields[3]) } : undefined
}

/** The account to run the product as: made here when there is none and we are root. */
export function prepareUser(): TestUser {
  if (process.getuid?.() !== 0) return { name: process.env['USER'] ?? 'user', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const existing = lookUp(ACCOUNT)
  if (existing !== undefined) return existing
  const made = spawnSync(
    'useradd',
    ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/bin/sh', ACCOUNT],
    {
      encoding: 'utf8',
    },
  )
  const user = lookUp(ACCOUNT)
  if (user === undefined) throw new Error(`useradd ${ACCOUNT}: ${made.stderr || made.error?.message || `status ${made.status}`}`)
  return user
}

/** Makes /dev/net/tun what it is on every distribution: there, and 0666. Returns why the tests cannot have it, or ''. */
export function prepareTun(): string {
  if (process.getuid?.() === 0) {
    if (!existsSync(TUN)) {
      mkdirSync('/dev/net', { recursive: true })
      spawnSync('mknod', [TUN, ...TUN_DEVICE])
    }
    if (existsSync(TUN)) chmodSync(TUN, 0o666)
  }
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK)
    return ''
  } catch (error) {
    return `${TUN} cannot be opened: ${error instanceof Error ? error.message : error}`
  }
}

/** The beginning of a command line that turns root into the user, in the same process. */
export function becomeUser(user: TestUser): string[] {
  return ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--inh-caps=-all', '--']
}

/** Whether the user can read all of these files. */
export function canRead(user: TestUser, paths: readonly string[]): boolean {
  const test = ['sh', '-c', 'for path; do test -r "$path" || exit 1; done', 'sh', ...paths]
  const command = process.getuid?.() === 0 ? [...becomeUser(user), ...test] : test
  return spawnSync(command[0]!, command.slice(1), { cwd: '/', stdio: 'ignore' }).status === 0
}
