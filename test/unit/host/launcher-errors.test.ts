// Every message of the launcher that a user can bring about: one line, what is wrong, what helps. The settings of the machine are
// invented, the errno values Linux'.
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Attempt, execError, type LaunchTarget, launcherError, warningText } from '../../../src/host/launcher-errors.js'
import type { NetloomError } from '../../../src/util/errors.js'

const { E2BIG, EACCES, EBUSY, EINVAL, EIO, ENODEV, ENOENT, ENOEXEC, ENOSPC, ENXIO, EPERM, ESRCH } = constants.errno
/** Node has no name for it. */
const ETOOMANYREFS = 109

const RUN: Attempt = { ifname: 'tap7', mtu: 1400, target: null }
const attaching = (target: LaunchTarget): Attempt => ({ ...RUN, target })

type Settings = Readonly<Record<string, string>>

function tell(step: string, errno: number, attempt: Attempt, settings: Settings = {}, isChroot: boolean | null = false): NetloomError {
  const setting = (name: string) => settings[name] ?? null
  const error = launcherError(step, errno, attempt, { setting, isInChroot: () => isChroot })
  assert.doesNotMatch(error.message, /\n|undefined|NaN|; $/)
  assert.equal(error.exitCode, 1)
  return error
}

for (const [what, step, errno, settings, says, helps] of [
  [
    'switched off by limit',
    'unshare',
    ENOSPC,
    { 'user.max_user_namespaces': '0' },
    /user\.max_user_namespaces is 0/,
    /sysctl -w user\.max_user_namespaces=15000/,
  ],
  [
    'network namespaces switched off',
    'unshare',
    ENOSPC,
    { 'user.max_user_namespaces': '9', 'user.max_net_namespaces': '0' },
    /user\.max_net_namespaces is 0/,
    /max_net_namespaces=/,
  ],
  ['limit reached', 'unshare', ENOSPC, { 'user.max_user_namespaces': '9000' }, /user\.max_user_namespaces, which is 9000/, /=18000$/],
  ['limit reached, unknown', 'unshare', ENOSPC, {}, /user\.max_user_namespaces/, /=15000$/],
  [
    "Debian's sysctl",
    'unshare',
    EPERM,
    { 'kernel.unprivileged_userns_clone': '0' },
    /unprivileged_userns_clone is 0/,
    /kernel\.unprivileged_userns_clone=1/,
  ],
  [
    "Ubuntu's sysctl",
    'unshare',
    EPERM,
    { 'kernel.apparmor_restrict_unprivileged_userns': '1' },
    /AppArmor/,
    /apparmor_restrict_unprivileged_userns=0/,
  ],
  [
    "Ubuntu's sysctl, met later",
    'uidmap',
    EPERM,
    { 'kernel.apparmor_restrict_unprivileged_userns': '1' },
    /AppArmor/,
    /apparmor_restrict_unprivileged_userns=0/,
  ],
  [
    'a sysctl that is not to blame',
    'unshare',
    EPERM,
    { 'kernel.unprivileged_userns_clone': '1', 'kernel.apparmor_restrict_unprivileged_userns': '0' },
    /seccomp/,
    /unprivileged_userns_clone/,
  ],
  ['a security module', 'setgroups', EACCES, {}, /security module.*setgroups: EACCES/, /apparmor/],
  ['a kernel without', 'unshare', EINVAL, {}, /kernel has none/, /kernel/],
] as const) {
  test(`user namespaces: ${what}`, () => {
    const error = tell(step, errno, RUN, settings as Settings)
    assert.equal(error.code, 'ERR_USER_NAMESPACES')
    assert.match(error.message, /^a user namespace cannot be made: /)
    assert.match(error.message, says)
    assert.match(error.hint, helps)
  })
}

test('user namespaces: in a chroot, where it is one and where nobody knows', () => {
  const chroot = tell('unshare', EPERM, RUN, { 'kernel.apparmor_restrict_unprivileged_userns': '1' }, true)
  assert.match(chroot.message, /^a user namespace cannot be made: this is a chroot; make its folder the root by pivot_root/)
  assert.match(tell('unshare', EPERM, RUN, {}, null).message, /a sysctl, a chroot or a seccomp filter/)
  assert.doesNotMatch(tell('unshare', EPERM, RUN, {}, false).message, /chroot/)
  assert.match(tell('unshare', EPERM, RUN, { 'kernel.unprivileged_userns_clone': '0' }, true).message, /unprivileged_userns_clone is 0/)
  assert.match(tell('unshare', ENOSPC, RUN, { 'user.max_user_namespaces': '0' }, true).message, /max_user_namespaces is 0/)
})

test('the TAP device: missing, without driver, without permission', () => {
  assert.match(tell('tun-open', ENOENT, RUN).message, /^there is no \/dev\/net\/tun; .*modprobe tun/)
  for (const errno of [ENODEV, ENXIO]) assert.match(tell('tun-open', errno, RUN).message, /^\/dev\/net\/tun has no driver.*modprobe tun/)
  for (const errno of [EACCES, EPERM])
    assert.match(tell('tun-open', errno, RUN).message, /^no permission for \/dev\/net\/tun; .*chmod 0666/)
  assert.match(tell('tun-open', EIO, RUN).message, /\/dev\/net\/tun cannot be opened: EIO/)
})

test('the interface: name taken, MTU refused, anything else', () => {
  for (const errno of [EBUSY, EINVAL])
    assert.match(tell('tun-create', errno, attaching({ pid: 4 })).message, /tap7 exists already.*--ifname/)
  assert.equal(tell('tun-create', EPERM, RUN).code, 'ERR_USER_NAMESPACES')
  assert.match(tell('mtu', EINVAL, RUN).message, /tap7 an MTU of 1400 \(EINVAL\)/)
  assert.equal(tell('route', EIO, RUN).message, 'adding a default route by the interface failed: EIO')
  assert.match(tell('pass', ETOOMANYREFS, RUN).message, /too many on their way to others \(ETOOMANYREFS\); end the program/)
  assert.equal(tell('pass', EIO, RUN).message, "the launcher's step 'pass' failed: EIO")
  assert.equal(tell('new-step', EIO, RUN).message, "the launcher's step 'new-step' failed: EIO")
})

test('a PID: ended, of another user', () => {
  const attempt = attaching({ pid: 4321 })
  for (const [step, errno] of [
    ['pid', ESRCH],
    ['netns-open', ENOENT],
  ] as const)
    assert.match(tell(step, errno, attempt).message, /no process with PID 4321; .*ps -p 4321/)
  for (const [step, errno] of [
    ['netns-open', EACCES],
    ['userns-open', EPERM],
    ['userns-join', EPERM],
    ['netns-join', EPERM],
  ] as const) {
    const error = tell(step, errno, attempt)
    assert.equal(error.code, 'ERR_TARGET')
    assert.match(error.message, /PID 4321 belongs to another user.*same user.*root/)
  }
  assert.match(tell('netns-join', EIO, attempt).message, /PID 4321 cannot be entered \(netns-join: EIO\)/)
})

test('a path: missing, no namespace, of another kind, of another user', () => {
  const attempt = attaching({ netns: '/run/net' })
  assert.match(tell('netns-open', ENOENT, attempt).message, /no such file: \/run\/net; check the path/)
  for (const step of ['netns-open', 'netns-join'])
    assert.match(tell(step, EINVAL, attempt).message, /\/run\/net is not a network namespace; .*\/proc\/PID\/ns\/net/)
  assert.match(tell('netns-open', EACCES, attempt).message, /\/run\/net cannot be opened: permission denied/)
  assert.match(tell('netns-join', EPERM, attempt).message, /\/run\/net belongs to another user.*--userns-path/)
})

test('--userns-path: missing, no namespace', () => {
  const attempt = attaching({ netns: '/run/net', userns: '/run/user' })
  assert.match(tell('userns-open', ENOENT, attempt).message, /no such file: \/run\/user; check --userns-path/)
  for (const step of ['userns-open', 'userns-join'])
    assert.match(tell(step, EINVAL, attempt).message, /\/run\/user is not a user namespace/)
  assert.match(tell('userns-open', EACCES, attempt).message, /\/run\/user cannot be opened/)
})

const folder = mkdtempSync(join(tmpdir(), 'netloom-unit-'))
after(() => rmSync(folder, { recursive: true }))

function cannot(errno: number, command: string): [number, string, string] {
  const { exitCode, code, message } = execError(errno, command, folder)
  assert.doesNotMatch(message, /\n/)
  return [exitCode, code, message]
}

test('a command that is not there: 127', () => {
  assert.deepEqual(cannot(ENOENT, 'frobnicate'), [127, 'ENOENT', 'frobnicate: command not found; check the name and $PATH'])
  assert.deepEqual(cannot(ENOENT, './frobnicate'), [127, 'ENOENT', './frobnicate: no such file; check the path'])
  assert.match(cannot(ENOENT, '')[2], /^'': command not found/)
  writeFileSync(join(folder, 'script'), '#!/nowhere/python\n')
  const [status, , message] = cannot(ENOENT, './script')
  assert.equal(status, 127)
  assert.match(message, /interpreter is not found/)
})

test('a command that cannot be executed: 126', () => {
  writeFileSync(join(folder, 'text'), '')
  chmodSync(join(folder, 'text'), 0o644)
  assert.deepEqual(cannot(EACCES, './text'), [126, 'EACCES', './text: permission denied; make it executable: chmod +x ./text'])
  assert.deepEqual(cannot(EACCES, folder).slice(0, 2), [126, 'EISDIR'])
  assert.deepEqual(cannot(ENOEXEC, './text').slice(0, 2), [126, 'ENOEXEC'])
  assert.deepEqual(cannot(E2BIG, 'true').slice(0, 2), [126, 'E2BIG'])
  assert.deepEqual(cannot(EIO, 'true').slice(0, 2), [126, 'EIO'])
})

test('warnings name what is lost', () => {
  assert.match(warningText('resolv', EACCES), /resolv\.conf.*EACCES.*name servers/)
  assert.match(warningText('pinggroup', EACCES), /ping_group_range.*EACCES.*ping/)
  assert.match(warningText('other', EACCES), /'other' failed: EACCES/)
})
