// What the launcher's messages mean to a person: `error STEP ERRNO` says which system call failed, and here is why that is and
// what helps. Read native/src/launcher.c for the steps, user_namespaces(7) and setns(2) for the reasons.
//
// One errno has several causes: EPERM of unshare() can come from a sysctl of Debian's, one of Ubuntu's, a container's seccomp
// filter, or a chroot. The settings are looked at, so that the line names the one that is to blame.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { resolve } from 'node:path'
import { errnoName, NetloomError } from '../util/errors.js'
import { isInChroot } from './chroot.js'

const { E2BIG, EACCES, EBUSY, EINVAL, EISDIR, ENODEV, ENOENT, ENOEXEC, ENOSPC, ENOSYS, ENXIO, EPERM, ESRCH } = constants.errno
/** errno(3): too many namespaces before Linux 4.9; not in Node's list. */
const EUSERS = 87
/** unix(7): more descriptors in flight than a program of the user's may have open; not in Node's list. */
const ETOOMANYREFS = 109

/** A network namespace that somebody else made: a process in it, or files that stand for it and for the user namespace it belongs to. */
export type LaunchTarget = { readonly pid: number } | { readonly netns: string; readonly userns?: string }

/** What the kernel sets by itself on a machine with 4 GB. */
const USUAL_LIMIT = 15_000

/** What the launcher was asked for, as far as an error may have to name it. */
export interface Attempt {
  readonly ifname: string
  readonly mtu: number
  /** Null for `run`. */
  readonly target: LaunchTarget | null
}

/** Value of a sysctl, null when this kernel has none of that name. */
type ReadSetting = (name: string) => string | null

/** What is looked at to find the cause. */
interface Machine {
  readonly setting: ReadSetting
  readonly isInChroot: () => boolean | null
}

const readSetting: ReadSetting = (name) => {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8').trim()
  } catch {
    return null
  }
}

const MACHINE: Machine = { setting: readSetting, isInChroot }

/** The error that `error STEP ERRNO` stands for. */
export function launcherError(step: string, errno: number, attempt: Attempt, machine: Machine = MACHINE): NetloomError {
  switch (step) {
    case 'unshare':
    case 'setgroups':
    case 'uidmap':
    case 'gidmap':
    case 'mount':
      return attempt.target === null ? userNamespaceError(step, errno, machine) : systemError(step, errno)
    case 'newuidmap':
    case 'newgidmap':
      return new NetloomError(
        'ERR_SUBORDINATE_IDS',
        `${step} does not map the IDs that --map-auto asks for: ${errnoName(errno)}`,
        `look at /etc/sub${step.slice(3, 6)}, and that ${step} is setuid (ls -l), here and in this container; else leave --map-auto out`,
      )
    case 'pid':
    case 'netns-open':
    case 'netns-join':
    case 'userns-open':
    case 'userns-join':
      return attempt.target === null ? systemError(step, errno) : targetError(step, errno, attempt.target)
    case 'tun-open':
    case 'tun-create':
      return tunError(step, errno, attempt, machine)
    case 'mtu':
      return new NetloomError(
        'ERR_INTERFACE',
        `the kernel does not give ${attempt.ifname} an MTU of ${attempt.mtu} (${errnoName(errno)})`,
        'use a smaller --mtu',
      )
    case 'pass':
      return passError(errno)
    default:
      return systemError(step, errno)
  }
}

/** The kernel counts by user, whichever program sends them: unix(7), ETOOMANYREFS. */
function passError(errno: number): NetloomError {
  if (errno !== ETOOMANYREFS) return systemError('pass', errno)
  const what = "no descriptor reaches netloom, for this user's programs have too many on their way to others (ETOOMANYREFS)"
  return new NetloomError('ERR_LAUNCHER', what, 'end the program that sends them to nobody, or raise `ulimit -n`')
}

/** What the launcher was about, where a system call fails that nearly never does. */
const ABOUT: Readonly<Record<string, string>> = {
  'tun-vnet': 'setting up offloads on',
  lo: 'bringing up lo beside',
  mac: 'setting the MAC address of',
  address: 'setting the address of',
  netmask: 'setting the prefix length of',
  up: 'bringing up',
  route: 'adding a default route by',
}

function systemError(step: string, errno: number): NetloomError {
  const about = ABOUT[step]
  const what = about === undefined ? `the launcher's step '${step}'` : `${about} the interface`
  return new NetloomError('ERR_LAUNCHER', `${what} failed: ${errnoName(errno)}`)
}

/** pivot_root(2) makes a folder the root of a mount namespace. */
const CHROOT_HINT = 'make its folder the root by pivot_root: bwrap --dev-bind FOLDER / and systemd-nspawn -D FOLDER do'

function userNamespaceError(step: string, errno: number, machine: Machine): NetloomError {
  const { setting } = machine
  const error = (why: string, hint: string): NetloomError =>
    new NetloomError('ERR_USER_NAMESPACES', `a user namespace cannot be made: ${why}`, hint)
  const restriction = setting('kernel.apparmor_restrict_unprivileged_userns')
  const appArmorHint = 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'
  if (step === 'unshare') {
    if (errno === ENOSPC || errno === EUSERS) return limitError(error, setting)
    if (errno === EINVAL || errno === ENOSYS)
      return error('this kernel has none (CONFIG_USER_NS, CONFIG_NET_NS)', 'use a kernel that has them')
    if (setting('kernel.unprivileged_userns_clone') === '0')
      return error('kernel.unprivileged_userns_clone is 0', 'sudo sysctl -w kernel.unprivileged_userns_clone=1')
  }
  if (errno !== EPERM && errno !== EACCES) return error(`${step}: ${errnoName(errno)}`, '')
  const isChroot = step === 'unshare' && errno === EPERM ? machine.isInChroot() : false
  if (isChroot === true) return error('this is a chroot', CHROOT_HINT)
  if (restriction !== null && restriction !== '0')
    return error('AppArmor allows them no rights (kernel.apparmor_restrict_unprivileged_userns)', appArmorHint)
  if (step === 'unshare')
    return error(
      `not permitted, by a sysctl${isChroot === null ? ', a chroot' : ''} or a seccomp filter`,
      'look at kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns, or let the container call unshare()',
    )
  return error(
    `a security module allows it no rights (${step}: ${errnoName(errno)})`,
    `with AppArmor: ${appArmorHint}; in a container: --security-opt apparmor=unconfined`,
  )
}

/** Up to six namespaces are made, each with a limit of its own, and the kernel does not say which was reached. */
function limitError(error: (why: string, hint: string) => NetloomError, setting: ReadSetting): NetloomError {
  const limits = ['user', 'net', 'mnt', 'pid', 'ipc', 'uts'].map((kind) => ({
    name: `user.max_${kind}_namespaces`,
    value: setting(`user.max_${kind}_namespaces`),
  }))
  const least = limits.filter(({ value }) => value !== null).sort((a, b) => Number(a.value) - Number(b.value))[0]
  const { name, value } = least ?? { name: 'user.max_user_namespaces', value: null }
  if (value === '0') return error(`${name} is 0`, `sudo sysctl -w ${name}=${USUAL_LIMIT}`)
  const known = value === null ? '' : `, which is ${value}`
  return error(
    `a limit of namespaces is reached, likely ${name}${known}`,
    `sudo sysctl -w ${name}=${Math.max(USUAL_LIMIT, 2 * Number(value))}`,
  )
}

/** A target as a person knows it. */
export const describeTarget = (target: LaunchTarget): string => ('pid' in target ? `PID ${target.pid}` : target.netns)

function targetError(step: string, errno: number, target: LaunchTarget): NetloomError {
  const error = (what: string, hint: string): NetloomError => new NetloomError('ERR_TARGET', what, hint)
  const name = describeTarget(target)
  const isUser = step.startsWith('userns')
  if ('pid' in target) {
    if (errno === ESRCH || errno === ENOENT) return error(`there is no process with ${name}`, `look for it with \`ps -p ${target.pid}\``)
    if (errno === EACCES || errno === EPERM)
      return error(`${name} belongs to another user, or its network does`, 'run netloom as the same user as that process, or as root')
    return error(`the namespaces of ${name} cannot be entered (${step}: ${errnoName(errno)})`, '')
  }
  const path = isUser && step === 'userns-open' ? (target.userns ?? name) : name
  if (errno === ENOENT)
    return error(`there is no such file: ${path}`, isUser ? 'check --userns-path' : 'check the path, or give the PID of a process')
  if (errno === EINVAL)
    return isUser
      ? error(`${target.userns ?? name} is not a user namespace`, 'give a file such as /proc/PID/ns/user as --userns-path')
      : error(`${path} is not a network namespace`, 'give a file such as /proc/PID/ns/net, or the PID of a process')
  if (errno === EACCES || errno === EPERM)
    return step.endsWith('open')
      ? error(`${path} cannot be opened: permission denied`, 'run netloom as its owner, or as root')
      : error(
          `${name} belongs to another user, or to a user namespace that cannot be told from it`,
          'run netloom as its owner or as root, or name the user namespace with --userns-path',
        )
  return error(`${path} cannot be entered (${step}: ${errnoName(errno)})`, '')
}

function tunError(step: string, errno: number, attempt: Attempt, machine: Machine): NetloomError {
  const error = (what: string, hint: string): NetloomError => new NetloomError('ERR_TUN', what, hint)
  if (step === 'tun-create') {
    if (errno === EBUSY || errno === EINVAL)
      return new NetloomError(
        'ERR_INTERFACE',
        `an interface ${attempt.ifname} exists already, or the kernel refuses the name`,
        'choose another with --ifname',
      )
    if (errno === EPERM && attempt.target === null) return userNamespaceError(step, errno, machine)
    return error(`the kernel does not make a TAP: ${errnoName(errno)}`, '')
  }
  if (errno === ENOENT) return error('there is no /dev/net/tun', 'sudo modprobe tun (in a container: --device /dev/net/tun)')
  if (errno === ENODEV || errno === ENXIO) return error('/dev/net/tun has no driver behind it', 'sudo modprobe tun')
  if (errno === EACCES || errno === EPERM) return error('no permission for /dev/net/tun', 'sudo chmod 0666 /dev/net/tun')
  return error(`/dev/net/tun cannot be opened: ${errnoName(errno)}`, 'sudo modprobe tun')
}

/** The error that `exec ERRNO` stands for: status 127 when there is no such command, 126 when it cannot be executed, as with env(1). */
export function execError(errno: number, command: string, folder: string): NetloomError {
  const isPath = command.includes('/')
  const path = resolve(folder, command)
  const fail = (code: string, what: string, hint: string, status: 126 | 127): NetloomError =>
    new NetloomError(code, `${command === '' ? "''" : command}: ${what}`, hint, status)
  if (errno === ENOENT) {
    if (!isPath) return fail('ENOENT', 'command not found', 'check the name and $PATH', 127)
    return existsSync(path)
      ? fail('ENOENT', 'its interpreter is not found', 'check the first line of the file, or install what it needs', 127)
      : fail('ENOENT', 'no such file', 'check the path', 127)
  }
  if (isPath && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    return fail('EISDIR', 'is a directory', 'name a file in it', 126)
  if (errno === EACCES || errno === EPERM || errno === EISDIR)
    return fail('EACCES', 'permission denied', isPath ? `make it executable: chmod +x ${command}` : 'check its permissions', 126)
  if (errno === ENOEXEC) return fail('ENOEXEC', 'is in no format that this machine can execute', 'check the file', 126)
  if (errno === E2BIG) return fail('E2BIG', 'the arguments and the environment are too long', 'pass fewer', 126)
  return fail(errnoName(errno), errnoName(errno), '', 126)
}

/** The line that `warn STEP ERRNO` stands for. */
export function warningText(step: string, errno: number): string {
  const why = errnoName(errno)
  if (step === 'resolv')
    return `/etc/resolv.conf could not be covered (${why}): the command uses the host's name servers, which it may not reach`
  if (step === 'pinggroup') return `net.ipv4.ping_group_range could not be set (${why}): inside, ping needs root of the namespace`
  if (step === 'lowports')
    return `net.ipv4.ip_unprivileged_port_start could not be set (${why}): inside, ports below 1024 need root of the namespace`
  if (step === 'proc')
    return `the kernel gives the sandbox no /proc of its own (${why}), as in containers: the command sees your other processes; --share-pid says so beforehand`
  return `the launcher's step '${step}' failed: ${why}`
}
