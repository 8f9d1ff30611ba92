// --map-auto: users and groups besides one's own, for programs that change who they are; and what is said where there are none.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { e2e, type Scope } from '../support/e2e.js'
import { type Outcome, Program, run, until } from '../support/program.js'
import { giveSubordinateIds } from '../support/rootless.js'
import { netloom, Sandbox } from '../support/sandbox.js'
import { asUser, NETLOOM, userEnvironment, world } from '../support/world.js'

const options = { needsRoot: true, needs: ['newuidmap'] }

const mapped = (scope: Scope, flags: readonly string[], command: readonly string[]) =>
  scope.use(netloom(['run', '--map-auto', ...flags, '--', ...command], { input: '' })).finished

/** The users of a sandbox, as this side knows them, line by line. */
async function mapOf(scope: Scope, ...flags: readonly string[]): Promise<string[]> {
  const sandbox = scope.use(await Sandbox.start('--map-auto', ...flags))
  const map = readFileSync(`/proc/${sandbox.inside}/uid_map`, 'latin1')
  return map
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).join(' '))
}

/** With other files in the place of these, for this command alone. */
function covered(covers: Readonly<Record<string, string>>, args: readonly string[]): Promise<Outcome> {
  const mounts = Object.entries(covers).map(([path, by]) => `mount --bind ${by} ${path} && `)
  const command = ['unshare', '--mount', 'sh', '-c', `${mounts.join('')}exec "$@"`, 'sh']
  return run([...command, ...asUser([...NETLOOM, 'run', '--map-auto', ...args])], { environment: userEnvironment, directory: '/' })
}

const CHANGES = [
  'python3',
  '-c',
  'import os; os.setgroups([34]); os.setgid(33); os.setuid(33); print(os.getuid(), os.getgid(), os.getgroups())',
]

e2e(
  'a program changes its user, its group and its groups',
  async (scope) => {
    giveSubordinateIds()
    for (const flags of [[], ['--share-pid']]) {
      const outcome = await mapped(scope, flags, CHANGES)
      assert.deepEqual([outcome.status, outcome.stdout, outcome.stderr], [0, '33 33 [34]\n', ''])
    }
    assert.deepEqual(await mapOf(scope), [`0 ${world.user.uid} 1`, '1 200000 65536'])
  },
  options,
)

e2e(
  'with --map-current-user one stays who one is, and others are there',
  async (scope) => {
    giveSubordinateIds()
    const outcome = await mapped(scope, ['--map-current-user'], ['sh', '-c', 'id -u; id -g'])
    const { uid, gid } = world.user
    assert.deepEqual([outcome.status, outcome.stdout], [0, `${uid}\n${gid}\n`], outcome.stderr)
    const others = [`0 200000 ${uid}`, `${uid} ${uid} 1`, `${uid + 1} ${200_000 + uid} ${65_536 - uid}`]
    assert.deepEqual(await mapOf(scope, '--map-current-user'), others)
  },
  options,
)

e2e(
  'tcpdump gives up being root, and sees packets',
  async (scope) => {
    giveSubordinateIds()
    const script = 'ping -i 0.2 10.0.2.2 > /dev/null & exec tcpdump -n -c 1 -i tap0 icmp'
    const outcome = await mapped(scope, [], ['sh', '-c', script])
    assert.equal(outcome.status, 0, outcome.stderr)
    assert.match(outcome.stdout, /ICMP echo re/)
  },
  { ...options, needs: ['newuidmap', 'tcpdump', 'ping'] },
)

e2e(
  "nginx as the system has configured it, where root starts it: `nginx -g 'daemon off;'`",
  async (scope) => {
    // What it writes is for this test alone.
    const mounts = ['/var/lib/nginx', '/var/log/nginx', '/run'].map((folder) => `mount -t tmpfs tmpfs ${folder} && `)
    const start = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      `${mounts.join('')}exec "$@"`,
      'sh',
      ...NETLOOM,
      'run',
      '--disable-control',
      '--map-auto',
    ]
    const command = [...start, '-p', '127.0.0.1:8080:80', '--', 'nginx', '-g', 'daemon off;']
    const server = scope.use(new Program(command, { environment: userEnvironment, directory: '/' }))
    let answer = ''
    const isUp = async () => {
      answer = (await run(['curl', '--silent', '--max-time', '5', 'http://127.0.0.1:8080/'])).stdout
      return answer.includes('nginx') || server.hasEnded
    }
    await until(isUp, () => server.describe(), 30_000)
    assert.match(answer, /nginx/, server.describe())
    server.kill('SIGTERM')
    assert.equal((await server.finished).status, 0, server.describe())
  },
  { needsRoot: true, needs: ['nginx', 'curl'] },
)

e2e(
  'without subordinate IDs, without newuidmap, and where that fails, one line says why and what to do',
  async (scope) => {
    for (const file of ['/etc/subuid', '/etc/subgid']) writeFileSync(file, '')
    const none = await mapped(scope, [], ['true'])
    assert.equal(none.status, 1)
    assert.match(none.stderr, /^netloom: \/etc\/subuid gives netloom-test no subordinate IDs[^\n]*usermod --add-subuids[^\n]*\n$/)
    giveSubordinateIds()
    for (const name of ['newuidmap', 'newgidmap']) {
      const path = (await run(['sh', '-c', `realpath "$(command -v ${name})"`])).stdout.trim()
      const missing = await covered({ [path]: '/etc/passwd' }, ['--', 'true'])
      assert.equal(missing.status, 1)
      assert.match(missing.stderr, new RegExp(`^netloom: ${name} is not installed[^\\n]*uidmap[^\\n]*\\n$`))
      const failing = await covered({ [path]: '/bin/false' }, ['--', 'true'])
      assert.equal(failing.status, 1)
      assert.match(failing.stderr, new RegExp(`^netloom: ${name} does not map[^\\n]*/etc/sub${name.slice(3, 6)}[^\\n]*\\n$`))
    }
  },
  options,
)
