// Hardening of this process while it runs, for good: so that whoever takes it over, by way of what a sandbox sends, gets little by it. See
// native/src/hardening/hardening.h for what there is. Which files are still read afterwards is known here:
//
//     /etc, and the folder that resolv.conf is a link into     the host's name servers, however they change
//     the package, and zod                                     what the control socket loads when somebody asks
//     the control socket, and its folder, if empty             are removed at the end
import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errnoName, NetloomError } from '../util/errors.js'
import type { Log } from '../util/log.js'
import { PACKAGE_ROOT } from '../util/package-root.js'
import { debuggerAddress, takeDebuggerSignal } from './debugger.js'
import { createContext, type NativeContext } from './native.js'

/** Longest text of rules (bytes): a few dozen paths. */
const RULES_BYTES = 65_536
/** Where network managers keep what /etc/resolv.conf is a link to. Those that are not there when the network starts are not followed. */
const MANAGED = ['systemd/resolve', 'NetworkManager', 'resolvconf', 'connman', 'netconfig', 'dhcpcd'].map((name) => `/run/${name}`)
const RESOLV_CONF = '/etc/resolv.conf'

interface Hardened {
  /** Gives up capabilities, and all files but a few. */
  readonly sandbox: boolean
  /** Leaves it the system calls that it has a use for: those that lead elsewhere end it. */
  readonly seccomp: boolean
  /** What this kernel does not have is done without, and told in the log. */
  readonly isBestEffort: boolean
}

/** What a kernel says that lacks something, a machine that seccomp.c does not know, or a container's filter (EPERM). */
const MISSING = ['ENOSYS', 'EOPNOTSUPP', 'EINVAL', 'EPERM']

/** The rules of landlock.c, a line each. `socket`: the control socket, null for none. */
export function landlockRules(socket: string | null): string[] {
  const rules = ['read /etc', ...MANAGED.map((path) => `read ${path}`), ...resolvConfRule(), `read ${PACKAGE_ROOT}`]
  for (const folder of [join(PACKAGE_ROOT, 'node_modules'), dirname(PACKAGE_ROOT)])
    if (basename(folder) === 'node_modules') rules.push(`read ${join(folder, 'zod')}`)
  if (socket !== null) rules.push(`unlink ${dirname(socket)}`, `rmdir ${dirname(dirname(socket))}`)
  return rules.filter((rule) => !rule.includes('\n'))
}

/** The folder of the file that resolv.conf stands for; of one that is no manager's, the file alone. */
function resolvConfRule(): string[] {
  try {
    const path = realpathSync(RESOLV_CONF)
    return [`read ${path.startsWith('/run/') && dirname(path) !== '/run' ? dirname(path) : path}`]
  } catch {
    return []
  }
}

/**
 * Takes from this process, all of its threads, what it has no use for any more. Nothing of it can be undone.
 * @throws NetloomError `ERR_HARDENING`.
 */
export function hardenProcess({ sandbox, seccomp, isBestEffort }: Hardened, socket: string | null, log: Log): void {
  takeDebuggerSignal()
  const address = debuggerAddress()
  if (address !== undefined)
    throw new NetloomError(
      'ERR_HARDENING',
      `Node's debugger is open at ${address}, where a sandbox could reach it`,
      'start Node without --inspect, or do without hardening',
    )
  const native = createContext(RULES_BYTES)
  /** True when it has to be done without. */
  const isMissing = (outcome: number): boolean => isBestEffort && outcome < 0 && MISSING.includes(errnoName(outcome))
  try {
    // What has a filter already may not, and did so before.
    const refused = native.tracingRefuse()
    if (!isMissing(refused)) check('prctl', refused, '--no-sandbox --no-seccomp')
    if (sandbox) {
      check('capset', native.capabilitiesDrop(), '--no-sandbox')
      const outcome = giveUpFiles(native, socket)
      if (isMissing(outcome)) log.verbose('this kernel has no Landlock: netloom itself can still reach the files that you can')
      else check('landlock', outcome, '--no-sandbox')
    }
    if (seccomp) {
      const outcome = native.seccompInstall()
      if (isMissing(outcome)) log.verbose('this machine has no seccomp filters: netloom itself can still make any system call')
      else check('seccomp', outcome, '--no-seccomp')
    }
  } finally {
    native.close()
  }
}

function giveUpFiles(native: NativeContext, socket: string | null): number {
  const rules = Buffer.from(landlockRules(socket).join('\n'))
  rules.copy(new Uint8Array(native.arena))
  return native.landlockInstall(0, rules.length)
}

function check(call: string, outcome: number, flag: string): void {
  if (outcome >= 0) return
  throw new NetloomError('ERR_HARDENING', `netloom cannot be hardened: ${call}: ${errnoName(outcome)}`, `do without: ${flag}`)
}
