// What the command line prints of itself: help, version, the lines of --verbose and their absence with --quiet. And `npm exec`'s way of
// starting it, by a link.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { e2e } from '../support/e2e.js'
import { netloom, userProgram } from '../support/sandbox.js'
import { guestProgram, NETLOOM, world } from '../support/world.js'

e2e('--version prints the version of the package', async (scope) => {
  const outcome = await scope.use(netloom(['--version'], { input: '' })).finished
  const { version }: { version: string } = JSON.parse(readFileSync(join(world.root, 'package.json'), 'utf8'))
  assert.deepEqual([outcome.status, outcome.stdout, outcome.stderr], [0, `${version}\n`, ''])
})

for (const args of [['--help'], ['run', '--help'], ['attach', '--help'], ['demo', '--help']]) {
  e2e(`${args.join(' ')} is printed on standard output`, async (scope) => {
    const outcome = await scope.use(netloom(args, { input: '' })).finished
    assert.deepEqual([outcome.status, outcome.stderr], [0, ''])
    assert.match(outcome.stdout, /^Usage: netloom/i)
  })
}

e2e('run --help and attach --help name every option', async (scope) => {
  const limits = ['--max-flows', '--max-half-open', '--max-flows-per-destination', '--max-flows-per-guest', '--max-flows-per-client']
  const shared = [
    '--mtu',
    '--cidr',
    '--ifname',
    '--disable-host-loopback',
    '--disable-dns',
    '--disable-dhcp',
    '--verbose',
    '--quiet',
    ...limits,
  ]
  for (const [command, own] of [
    ['run', '--map-current-user'],
    ['attach', '--userns-path'],
  ] as const) {
    const { stdout } = await scope.use(netloom([command, '--help'], { input: '' })).finished
    for (const option of [...shared, own]) assert.ok(stdout.includes(option), `${command} --help does not name ${option}`)
  }
})

e2e('without a command it says what there is, with status 2', async (scope) => {
  const outcome = await scope.use(netloom([], { input: '' })).finished
  assert.equal(outcome.status, 2)
  assert.match(outcome.stderr, /^netloom: [^\n]*--help[^\n]*\n$/)
})

e2e('--verbose tells the facts of the network on standard error, and standard output stays the command’s', async (scope) => {
  const outcome = await scope.use(netloom(['run', '--verbose', '--', 'echo', 'out'], { input: '' })).finished
  assert.equal(outcome.stdout, 'out\n')
  for (const fact of ['10.0.2.100', '10.0.2.2', '10.0.2.3', '1500', 'tap0']) assert.ok(outcome.stderr.includes(fact), outcome.stderr)
  for (const line of outcome.stderr.trimEnd().split('\n')) assert.match(line, /^netloom: /)
})

e2e('--quiet prints no warning, and still the errors', async (scope) => {
  // The warning: offloads that the kernel refuses (TUNSETOFFLOAD, any bit).
  const deny = [...guestProgram('deny.py'), 'ioctl=0x400454d0/0xff', 'EINVAL', ...NETLOOM, 'run']
  const loud = await scope.use(userProgram([...deny, '--', 'true'], { input: '' })).finished
  assert.match(loud.stderr, /^netloom: [^\n]+\n$/)
  const quiet = await scope.use(userProgram([...deny, '--quiet', '--', 'true'], { input: '' })).finished
  assert.deepEqual([quiet.status, quiet.stderr], [0, ''])
  const error = await scope.use(netloom(['run', '--quiet', '--', 'no-such-command-anywhere'], { input: '' })).finished
  assert.equal(error.status, 127)
  assert.match(error.stderr, /^netloom: [^\n]+\n$/)
})

e2e('it works when it is started by a link, with an empty environment, from any folder', async (scope) => {
  const link = join(world.scratch, 'netloom-link')
  symlinkSync(NETLOOM[0]!, link)
  scope.defer(() => rmSync(link))
  const command = ['/usr/bin/env', '-i', link, 'run', '--', '/bin/sh', '-c', 'exit 6']
  const outcome = await scope.use(userProgram(command, { directory: '/proc', input: '' })).finished
  assert.equal(outcome.status, 6, outcome.stderr)
})
