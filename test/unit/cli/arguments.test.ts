import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Arguments, type Flags, parse, type Syntax, scan } from '../../../src/cli/arguments.js'
import { parseTarget } from '../../../src/cli/attach.js'
import { parseAll } from '../../../src/cli/commander.js'
import { NETWORK_OPTIONS, networkOptions } from '../../../src/cli/network-flags.js'
import { NetloomError } from '../../../src/util/errors.js'
import { suggest } from '../../../src/util/suggest.js'

const RUN: Syntax = {
  name: 'run',
  description: 'For tests.',
  options: NETWORK_OPTIONS,
  operand: '[COMMAND...]',
  operandHelp: 'a command',
  isCommand: true,
  more: '',
}
const ATTACH: Syntax = { ...RUN, name: 'attach', operand: '<PID|PATH>', isCommand: false }
const DEMO: Syntax = { ...RUN, name: 'demo', options: [], operand: '', isCommand: false }

async function wrong(syntax: Syntax, args: readonly string[]): Promise<string> {
  try {
    await parse(syntax, args)
  } catch (error) {
    assert.ok(error instanceof NetloomError)
    assert.equal(error.code, 'ERR_USAGE')
    assert.equal(error.exitCode, 2)
    assert.doesNotMatch(error.message, /\n/)
    return error.message
  }
  assert.fail(`${args.join(' ')} was taken`)
}

test('everything from the first word that is no option is the command', () => {
  const read = (args: readonly string[]) => {
    const found = scan(RUN, args)
    assert.deepEqual(found, parseAll(RUN, args))
    return found
  }
  const command = ['sh', '-c', 'x', '--cidr', '--', 'y']
  assert.deepEqual(read(['--mtu', '1400', ...command]), { flags: { mtu: '1400' }, operands: command })
  assert.deepEqual(read(['--ifname=eth0', '--', '-x', '--', '--mtu']), { flags: { ifname: 'eth0' }, operands: ['-x', '--', '--mtu'] })
  assert.deepEqual(read(['--', '', ' ']), { flags: {}, operands: ['', ' '] })
  assert.deepEqual(read([]), { flags: {}, operands: [] })
  assert.deepEqual(read(['--cidr=', 'true']), { flags: { cidr: '' }, operands: ['true'] })
})

test('options may follow an operand that is not a command', () => {
  assert.deepEqual(scan(ATTACH, ['4', '--mtu', '9000', '-q']), { flags: { mtu: '9000', quiet: true }, operands: ['4'] })
  assert.deepEqual(scan(ATTACH, ['--', '-1']), { flags: {}, operands: ['-1'] })
})

test('what is read the short way, commander reads alike', () => {
  const word = fc.constantFrom(
    '--mtu',
    '--mtu=',
    '--mtu=5',
    '--cidr',
    '--disable-dns',
    '--disable-dns=x',
    '--verbose',
    '-v',
    '-q',
    '-qv',
    '-vq',
  )
  const other = fc.constantFrom('--', '-', '', 'x', '4', '-1', '--help', '-h', '--mut', '--no-mtu', '--map', '-x', '--quie')
  fc.assert(
    fc.property(fc.constantFrom(RUN, ATTACH, DEMO), fc.array(fc.oneof(word, other), { maxLength: 6 }), (syntax, args) => {
      const short = scan(syntax, args)
      if (short !== null) assert.deepEqual(short, long(syntax, args))
    }),
    { numRuns: 5000 },
  )
})

/** As commander reads it; an error is none of the answers that scan() can give. */
function long(syntax: Syntax, args: readonly string[]): Arguments | Error | null {
  try {
    return parseAll(syntax, args)
  } catch (error) {
    return error as Error
  }
}

test('flags become options of a network', () => {
  const { log, ...plain } = networkOptions({})
  assert.deepEqual(plain, { hostLoopback: true, dns: true, dhcp: true, warmUp: true })
  assert.equal(log.level, 'normal')
  const all = ['--mtu=9000', '--cidr=10.1.0.0/16', '--ifname=eth0', '--disable-host-loopback', '--disable-dns', '--disable-dhcp', '-v']
  const { log: verbose, ...options } = networkOptions(scan(RUN, all)?.flags ?? {})
  assert.deepEqual(options, { mtu: 9000, cidr: '10.1.0.0/16', ifname: 'eth0', hostLoopback: false, dns: false, dhcp: false, warmUp: true })
  const limits = [
    '--max-flows=9',
    '--max-half-open',
    '8',
    '--max-flows-per-destination=7',
    '--max-flows-per-guest',
    '6',
    '--max-flows-per-client=5',
  ]
  const o = networkOptions(scan(RUN, limits)?.flags ?? {})
  const taken = [o.maxFlows, o.maxHalfOpen, o.maxFlowsPerDestination, o.maxFlowsPerGuest, o.maxFlowsPerClient]
  assert.deepEqual(taken, [9, 8, 7, 6, 5])
  assert.equal(verbose.level, 'verbose')
  assert.equal(networkOptions({ quiet: true }).log.level, 'quiet')
})

test('an option whose value can be left out takes none from the next word', async () => {
  assert.deepEqual(scan(RUN, ['--publish-auto', 'make', 'all']), { flags: { publishAuto: true }, operands: ['make', 'all'] })
  assert.deepEqual(scan(RUN, ['--publish-auto=3000-3999', 'make']), { flags: { publishAuto: '3000-3999' }, operands: ['make'] })
  // -p80 is for commander to read.
  assert.deepEqual(await parse(RUN, ['-p80', '--publish-auto', 'make', '--publish-auto']), {
    flags: { publish: '80', publishAuto: true },
    operands: ['make', '--publish-auto'],
  })
  assert.deepEqual(networkOptions({ publishAuto: '3000-3999' }).publishAuto, { first: 3000, last: 3999 })
  assert.throws(() => networkOptions({ publishAuto: '3999-3000' }), {
    code: 'ERR_PUBLISH',
    message: /no range of ports.*write it as in 3000-3999/,
  })
})

test('an MTU is refused with what was written', () => {
  for (const mtu of ['', '0x100', '1e3', '65522']) {
    const flags: Flags = { mtu }
    assert.throws(() => networkOptions(flags), { code: 'ERR_MTU' })
  }
})

test('a limit is refused with what was written', () => {
  assert.throws(() => networkOptions({ maxHalfOpen: 'many' }), { code: 'ERR_MAX_HALF_OPEN', message: /'many'.*leave --max-half-open out/ })
})

test('wrong use is one line that helps', async () => {
  assert.equal(await wrong(RUN, ['--mut', '1']), "unknown option '--mut'; did you mean --mtu? Or see `netloom run --help`")
  assert.equal(await wrong(RUN, ['--zzz']), "unknown option '--zzz'; see `netloom run --help`")
  assert.match(await wrong(RUN, ['--mtu']), /^option '--mtu <BYTES>' argument missing; see /)
  for (const args of [
    ['-q', '-v'],
    ['--verbose', '--quiet'],
  ])
    assert.match(await wrong(RUN, args), /--verbose.*cannot be used with.*--quiet/)
  assert.match(await wrong(ATTACH, []), /missing required argument 'PID\|PATH'/)
  assert.match(await wrong(ATTACH, ['1', '2']), /too many arguments/)
  assert.match(await wrong(DEMO, ['x']), /too many arguments/)
})

test('a target is a PID when it is a number, else a path', () => {
  assert.deepEqual(parseTarget('123', undefined), { pid: 123 })
  assert.deepEqual(parseTarget('-1', undefined), { pid: -1 })
  assert.deepEqual(parseTarget('1x', undefined), { netns: '1x' })
  assert.deepEqual(parseTarget('/run/netns/a', '/u'), { netns: '/run/netns/a', userns: '/u' })
  assert.throws(() => parseTarget('123', '/u'), { code: 'ERR_USAGE', exitCode: 2 })
  assert.throws(() => parseTarget('', undefined), { code: 'ERR_USAGE', exitCode: 2 })
})

test('a command that is off by a letter or two is guessed', () => {
  const names = ['run', 'attach', 'demo', 'bench']
  assert.equal(suggest('rum', names), 'run')
  assert.equal(suggest('atach', names), 'attach')
  assert.equal(suggest('dmeo', names), 'demo')
  assert.equal(suggest('--version', names), null)
  assert.equal(suggest('', names), null)
})
