// What cannot be done is told in one line on standard error, with what to do about it, and a status; nothing is started and nothing is
// left. Status 2: wrong use; 1: the machine does not allow it; 126 and 127: the command, as with env(1).
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { e2e, type Scope } from '../support/e2e.js'
import { must, Program } from '../support/program.js'
import { Bare, netloom, userProgram } from '../support/sandbox.js'
import { asUser, guestProgram, NETLOOM, userEnvironment, world } from '../support/world.js'

/** One line, ours, that says what is wrong and what helps. */
async function expectLine(program: Program, status: number, says: readonly RegExp[]): Promise<void> {
  const outcome = await program.finished
  assert.match(outcome.stderr, /^netloom: [^\n]+\n$/, program.describe())
  for (const part of says) assert.match(outcome.stderr, part)
  assert.equal(outcome.status, status, program.describe())
  assert.equal(outcome.stdout, '')
}

function refused(name: string, args: readonly string[], status: number, ...says: readonly RegExp[]): void {
  e2e(name, async (scope) => expectLine(scope.use(netloom(args, { input: '' })), status, says))
}

for (const mtu of ['0', '67', '65522', '-1', 'abc', '', '1500.5', '1e3', '0x100', '99999999999']) {
  refused(`--mtu '${mtu}'`, ['run', `--mtu=${mtu}`, '--', 'true'], 2, /mtu/i, /68.*65521/)
}

const NOT_NETWORKS = [
  '',
  'x',
  '10.0.2.0',
  '10.0.2.0/',
  '10.0.2.0/33',
  '10.0.2.0/-1',
  '10.0.2.256/24',
  '10.0.2/24',
  '10.0.2.0/24/1',
  '10.0.2.0/24 ',
  'fd00::/64',
  '010.0.2.0/24',
]
for (const cidr of [...NOT_NETWORKS, '10.0.2.100/24', '10.0.2.0/30', '0.0.0.0/0', '127.0.0.0/8', '224.0.0.0/8']) {
  refused(`--cidr '${cidr}'`, ['run', `--cidr=${cidr}`, '--', 'true'], 2, /cidr/i, /10\.0\.2\.0\/24/)
}

for (const ifname of ['', 'sixteen-letters-', 'a/b', 'a b', '.', '..', 'lo', 'a:b', 'tap%d', 'ä']) {
  refused(`--ifname '${ifname}'`, ['run', `--ifname=${ifname}`, '--', 'true'], 2, /ifname|interface/i, /15|taken|letters|lo\b/i)
}

for (const spec of [
  '',
  'loss',
  'loss=1',
  'loss=101%',
  'los=1%',
  'delay=10',
  'rate=1kbit',
  'up:down:loss=1%',
  'loss=1%,loss=1%',
  'seed=x',
]) {
  refused(`--impair '${spec}'`, ['run', `--impair=${spec}`, '--', 'true'], 2, /link|loss|delay|rate|seed/, /--impair/)
}

for (const name of [
  '',
  'db.test',
  '=192.0.2.7',
  'db.test=',
  'db.test=localhost',
  '192.0.2.7=db.test',
  'a b=192.0.2.7',
  'a..b=192.0.2.7',
  'db.test=192.0.2.7/24',
]) {
  refused(`--dns-name '${name}'`, ['run', `--dns-name=${name}`, '--', 'true'], 2, /name/, /--dns-name db\.test=192\.0\.2\.7/)
}
refused(
  '--dns-name without a name server',
  ['run', '--disable-dns', '--dns-name=db.test=192.0.2.7', '--', 'true'],
  2,
  /--dns-name/,
  /--disable-dns/,
)

refused('an unknown option', ['run', '--mut', '1500', '--', 'true'], 2, /--mut/, /--mtu|--help/)
refused('an unknown subcommand', ['rum'], 2, /rum/, /run|--help/)
refused('an option without its value', ['run', '--mtu'], 2, /mtu/, /MTU|argument|value/i)
refused('attach without a target', ['attach'], 2, /PID|target/, /PID|--help/)
refused('attach with two targets', ['attach', '1', '2'], 2, /one|too many|argument/i)
refused('--quiet with --verbose', ['run', '--quiet', '--verbose', '--', 'true'], 2, /quiet/, /verbose/)

refused('a command that does not exist', ['run', '--', 'no-such-command-anywhere'], 127, /no-such-command-anywhere/, /not found|PATH/i)
refused('a path that does not exist', ['run', '--', '/nowhere/command'], 127, /\/nowhere\/command/, /not found|no such/i)
refused('a folder as the command', ['run', '--', '/tmp'], 126, /\/tmp/, /permission|executable|folder|directory|chmod/i)

e2e('a file that is not executable', async (scope) => {
  const path = join(world.scratch, 'not-executable')
  writeFileSync(path, '#!/bin/sh\nexit 0\n', { mode: 0o644 })
  scope.defer(() => rmSync(path))
  await expectLine(scope.use(netloom(['run', '--', path], { input: '' })), 126, [/not-executable/, /permission|executable|chmod/i])
})

e2e('a script whose interpreter does not exist', async (scope) => {
  const path = join(world.scratch, 'no-interpreter')
  writeFileSync(path, '#!/nowhere/interpreter\n', { mode: 0o755 })
  scope.defer(() => rmSync(path))
  await expectLine(scope.use(netloom(['run', '--', path], { input: '' })), 127, [/no-interpreter/, /interpreter/])
})

for (const target of ['0', '-1', '999999999', '99999999999999999999', '1x']) {
  refused(`attach to '${target}'`, ['attach', '--', target], target === '999999999' || target === '1x' ? 1 : 2, /PID|path|process/i)
}

e2e('attach to a process that has ended', async (scope) => {
  const target = await Bare.start()
  await target.close()
  await expectLine(scope.use(netloom(['attach', String(target.inside)], { input: '' })), 1, [
    new RegExp(String(target.inside)),
    /no (such )?process|PID/i,
  ])
})

refused('attach to a path that does not exist', ['attach', '/nowhere/netns'], 1, /\/nowhere\/netns/, /no such|not exist|not found|check/i)
refused('attach to a file that is no namespace', ['attach', '/etc/passwd'], 1, /\/etc\/passwd/, /namespace/)
refused('attach to a namespace of another kind', ['attach', '/proc/self/ns/uts'], 1, /\/proc\/self\/ns\/uts/, /network namespace/)
refused('--userns-path that does not exist', ['attach', '--userns-path=/nowhere/userns', '/proc/self/ns/net'], 1, /\/nowhere\/userns/)
refused("attach to the host's own network", ['attach', '/proc/self/ns/net'], 1, /permi|own|root|privilege/i)

e2e(
  'attach to a namespace of another user',
  async (scope) => {
    const other = scope.use(new Program(['unshare', '--net', 'sh', '-c', 'echo "pid $$"; exec cat']))
    const pid = (await other.line(/^pid (\d+)$/m))[1]!
    const outcome = scope.use(netloom(['attach', pid], { input: '' }))
    await expectLine(outcome, 1, [new RegExp(pid), /another user|owner|same user|permi/i])
  },
  { needsRoot: true },
)

e2e('attach where the interface exists already', async (scope) => {
  const target = scope.use(await Bare.start())
  await target.must(['ip', 'link', 'add', 'tap0', 'type', 'veth'])
  await expectLine(scope.use(netloom(['attach', String(target.inside)], { input: '' })), 1, [/tap0/, /--ifname|in use|exists/])
})

/** Puts something in the place of /dev/net for this namespace of mounts only. */
async function replaceDevNet(scope: Scope, mode: string): Promise<void> {
  await must(['mount', '-t', 'tmpfs', '-o', `mode=755,${mode}`, 'tmpfs', '/dev/net'])
  scope.defer(async () => {
    await must(['umount', '/dev/net'])
  })
}

e2e('no /dev/net/tun', async (scope) => {
  await replaceDevNet(scope, 'ro')
  await expectLine(scope.use(netloom(['run', '--', 'true'], { input: '' })), 1, [/\/dev\/net\/tun/, /modprobe tun|mknod/])
})

e2e(
  'no permission for /dev/net/tun',
  async (scope) => {
    await replaceDevNet(scope, 'dev')
    await must(['mknod', '-m', '600', '/dev/net/tun', 'c', '10', '200'])
    await expectLine(scope.use(netloom(['run', '--', 'true'], { input: '' })), 1, [/\/dev\/net\/tun/, /chmod|0?666|permission/])
  },
  { needsRoot: true },
)

e2e(
  'a /dev/net/tun behind which there is no driver',
  async (scope) => {
    await replaceDevNet(scope, 'dev')
    // A minor number that nothing is registered for.
    await must(['mknod', '-m', '666', '/dev/net/tun', 'c', '10', '254'])
    await expectLine(scope.use(netloom(['run', '--', 'true'], { input: '' })), 1, [/\/dev\/net\/tun/, /modprobe tun/])
  },
  { needsRoot: true },
)

for (const [what, rule, error, says] of [
  ['none may be made (user.max_user_namespaces)', 'unshare', 'ENOSPC', /max_user_namespaces/],
  [
    'only root may make them (kernel.unprivileged_userns_clone)',
    'unshare',
    'EPERM',
    /unprivileged_userns_clone|apparmor_restrict_unprivileged_userns/,
  ],
  ['a security module keeps their capabilities (AppArmor)', 'write-only', 'EACCES', /apparmor_restrict_unprivileged_userns/],
] as const) {
  e2e(`user namespaces: ${what}`, async (scope) => {
    const program = userProgram([...guestProgram('deny.py'), rule, error, ...NETLOOM, 'run', '--', 'true'], { input: '' })
    await expectLine(scope.use(program), 1, [/user namespace/i, says])
  })
}

e2e('user namespaces: the limit of a surrounding one is reached', async (scope) => {
  const script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
  const command = ['unshare', '--user', '--map-root-user', 'sh', '-c', script, 'sh', ...NETLOOM, 'run', '--', 'true']
  await expectLine(scope.use(userProgram(command, { input: '' })), 1, [/user namespace/i, /max_user_namespaces/])
})

e2e(
  'user namespaces: in a chroot',
  async (scope) => {
    const root = join(world.scratch, 'chroot')
    mkdirSync(root, { mode: 0o755 })
    scope.defer(() => {
      // Never recursively: they are empty, or something is mounted there.
      for (const name of readdirSync(root, { withFileTypes: true }))
        if (name.isDirectory()) rmdirSync(join(root, name.name))
        else rmSync(join(root, name.name))
      rmdirSync(root)
    })
    // A folder that is no mount itself, with everything that there is; in a mount namespace, with which that goes.
    const script = `cd "$0"
for path in /*; do
  if [ -L "$path" ]; then cp -d "$path" .; elif [ -d "$path" ]; then mkdir ".$path" && mount --rbind "$path" ".$path"; fi
done
exec chroot . "$@"`
    const command = ['unshare', '--mount', '--', 'sh', '-ec', script, root, ...asUser([...NETLOOM, 'run', '--', 'true'])]
    await expectLine(scope.use(new Program(command, { environment: userEnvironment, input: '' })), 1, [
      /user namespace.*this is a chroot/,
      /pivot_root/,
    ])
  },
  { needsRoot: true },
)
