import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTarget } from '../../../src/cli/attach.js'
import { suggest } from '../../../src/cli/help.js'
import { addNetworkOptions, type CommonFlags, createCommand, logLevel, networkOptions, parse } from '../../../src/cli/parse.js'
import { NetloomError } from '../../../src/util/errors.js'

function read(args: readonly string[]) {
  const command = addNetworkOptions(createCommand('run', 'For tests.')).argument('[COMMAND...]').passThroughOptions()
  assert.equal(parse(command, args), true)
  return { flags: command.opts<CommonFlags>(), command: command.args }
}

function wrong(args: readonly string[]): string {
  try {
    read(args)
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
  assert.deepEqual(read(['--mtu', '1400', 'sh', '-c', 'x', '--cidr', '--', 'y']), {
    flags: { mtu: '1400' },
    command: ['sh', '-c', 'x', '--cidr', '--', 'y'],
  })
  assert.deepEqual(read(['--ifname=eth0', '--', '-x', '--', '--mtu']), { flags: { ifname: 'eth0' }, command: ['-x', '--', '--mtu'] })
  assert.deepEqual(read(['--', '', ' ']).command, ['', ' '])
  assert.deepEqual(read([]), { flags: {}, command: [] })
})

test('flags become options of a network', () => {
  const { log, ...plain } = networkOptions(read([]).flags)
  assert.deepEqual(plain, { hostLoopback: true, dns: true })
  assert.equal(log.level, 'normal')
  const all = ['--mtu=9000', '--cidr=10.1.0.0/16', '--ifname=eth0', '--disable-host-loopback', '--disable-dns', '-v']
  const { log: verbose, ...options } = networkOptions(read(all).flags)
  assert.deepEqual(options, { mtu: 9000, cidr: '10.1.0.0/16', ifname: 'eth0', hostLoopback: false, dns: false })
  assert.equal(verbose.level, 'verbose')
  assert.equal(logLevel({ quiet: true }), 'quiet')
})

test('an MTU is refused with what was written', () => {
  for (const text of ['', '0x100', '1e3', '65522']) assert.throws(() => networkOptions({ mtu: text }), { code: 'ERR_MTU' })
})

test('wrong use is one line that helps', () => {
  assert.equal(wrong(['--mut', '1']), "unknown option '--mut'; did you mean --mtu? Or see `netloom run --help`")
  assert.equal(wrong(['--zzz']), "unknown option '--zzz'; see `netloom run --help`")
  assert.match(wrong(['--mtu']), /^option '--mtu <BYTES>' argument missing; see /)
  assert.match(wrong(['-q', '-v']), /--verbose.*cannot be used with.*--quiet/)
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
