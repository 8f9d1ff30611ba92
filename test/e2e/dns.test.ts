// DNS at 10.0.2.3: what the sandbox asks goes to the resolvers of the host's resolv.conf, by UDP and by TCP, past dead ones, and is
// remembered for as long as it may be. The resolvers are the tests' own, on 127.0.0.0/8 of a private namespace.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { e2e, type Scope } from '../support/e2e.js'
import { Elsewhere, NOBODY, SWALLOWING } from '../support/elsewhere.js'
import { until } from '../support/program.js'
import { keepResolvConf, longText, type Records, Resolver, setResolvers } from '../support/resolver.js'
import { Sandbox } from '../support/sandbox.js'
import type { Pipelined } from './guest/dns-pipeline.js'
import type { Asked } from './guest/dns-query.js'

const DNS = '10.0.2.3'
const address = (name: string, data: string, ttl = 60): Records => ({ [name]: [{ type: 'A', name, ttl, data }] })

const RECORDS: Records = {
  ...address('one.test', '192.0.2.1'),
  ...address('short.test', '192.0.2.2', 1),
  'six.test': [{ type: 'AAAA', name: 'six.test', ttl: 60, data: '2001:db8::6' }],
  'long.test': longText('long.test'),
}

interface Setting {
  resolver: Resolver
  guest: Sandbox
  ask: (name: string, type?: string, transport?: 'udp' | 'tcp') => Promise<Asked>
}

/** A resolver at 127.0.0.2, behind the `dead` ones, and a sandbox. */
async function start(scope: Scope, dead: readonly string[] = [], ...args: string[]): Promise<Setting> {
  keepResolvConf(scope)
  const resolver = scope.use(await Resolver.start('127.0.0.2', RECORDS))
  setResolvers([...dead, '127.0.0.2'])
  const guest = scope.use(await Sandbox.start(...args))
  return { resolver, guest, ask: (name, type = 'A', transport = 'udp') => guest.ask('dns-query.js', DNS, transport, name, type) }
}

const found = (...data: string[]) => ({ error: null, code: 0, isTruncated: false, data })
const brief = ({ error, code, isTruncated, data }: Asked) => ({ error, code, isTruncated, data })

for (const transport of ['udp', 'tcp'] as const) {
  e2e(`a name is resolved by ${transport}`, async (scope) => {
    const { ask } = await start(scope)
    assert.deepEqual(brief(await ask('one.test', 'A', transport)), found('192.0.2.1'))
    assert.deepEqual(brief(await ask('six.test', 'AAAA', transport)), found('2001:db8::6'))
    assert.deepEqual(brief(await ask('one.test', 'AAAA', transport)), found())
    assert.deepEqual(brief(await ask('missing.test', 'A', transport)), { ...found(), code: 3 })
  })

  e2e(`a first resolver that is not there is passed over, by ${transport}`, async (scope) => {
    const { ask } = await start(scope, ['127.0.0.9'])
    assert.deepEqual(brief(await ask('one.test', 'A', transport)), found('192.0.2.1'))
  })

  e2e(`a first resolver whose host is gone is passed over, by ${transport}`, async (scope) => {
    scope.use(await Elsewhere.start())
    const { ask } = await start(scope, [NOBODY])
    assert.deepEqual(brief(await ask('one.test', 'A', transport)), found('192.0.2.1'))
  })

  e2e(`a first resolver that swallows everything is passed over, by ${transport}`, async (scope) => {
    scope.use(await Elsewhere.start())
    const { ask } = await start(scope, [SWALLOWING])
    assert.deepEqual(brief(await ask('one.test', 'A', transport)), found('192.0.2.1'))
  })

  e2e(`a first resolver that takes the question and never answers is passed over, by ${transport}`, async (scope) => {
    const silent = scope.use(await Resolver.start('127.0.0.8', 'silent'))
    const { ask } = await start(scope, ['127.0.0.8'])
    assert.deepEqual(brief(await ask('one.test', 'A', transport)), found('192.0.2.1'))
    assert.ok(silent.count('one.test') > 0, 'the first resolver was not asked')
  })
}

e2e('an answer that is too long for UDP is cut there and whole by TCP', async (scope) => {
  const { ask } = await start(scope)
  const cut = await ask('long.test', 'TXT', 'udp')
  assert.equal(cut.error, null)
  assert.equal(cut.isTruncated, true)
  const whole = await ask('long.test', 'TXT', 'tcp')
  assert.equal(whole.isTruncated, false)
  assert.equal(whole.data.length, 10)
})

e2e('many questions on one connection are all answered, to who ends first and reads late', async (scope) => {
  const { guest, resolver } = await start(scope)
  const names = ['long.test', 'TXT', 'host.netloom.internal', 'A', 'one.test', 'A']
  const { error, ids, bytes } = await guest.ask<Pipelined>('dns-pipeline.js', DNS, '600', ...names)
  assert.equal(error, null)
  assert.deepEqual(
    ids,
    Array.from({ length: 600 }, (_, id) => id),
  )
  assert.ok(bytes > 400_000, `${bytes} bytes`)
  assert.ok(resolver.count('long.test') <= 12, 'every question was asked anew')
})

e2e('the C library resolves, and curl finds a server by name', async (scope) => {
  const { guest } = await start(scope)
  assert.match(await guest.must(['getent', 'ahostsv4', 'one.test']), /^192\.0\.2\.1\s+STREAM/m)
  const missing = await guest.exec(['getent', 'ahostsv4', 'missing.test'])
  assert.equal(missing.status, 2)
})

e2e('an answer is remembered within its TTL, and its TTL counts down to nothing', async (scope) => {
  const { ask, resolver } = await start(scope)
  for (let i = 0; i < 3; i += 1) assert.deepEqual(brief(await ask('one.test')), found('192.0.2.1'))
  assert.equal(resolver.count('one.test'), 1)
  assert.deepEqual(brief(await ask('short.test')), found('192.0.2.2'))
  await until(async () => {
    const { ttls, data } = await ask('short.test')
    assert.deepEqual(data, ['192.0.2.2'])
    assert.ok(ttls.every((ttl) => ttl <= 1))
    return resolver.count('short.test') > 1
  }, 'an answer outlived its TTL of 1 s')
})

for (const how of ['write', 'rename'] as const) {
  e2e(`a change of the host's resolv.conf is followed (${how})`, async (scope) => {
    const { ask } = await start(scope)
    assert.deepEqual(brief(await ask('one.test')), found('192.0.2.1'))
    const next = scope.use(await Resolver.start('127.0.0.3', address('two.test', '192.0.2.22')))
    setResolvers(['127.0.0.3'], how)
    await until(async () => (await ask('two.test')).data[0] === '192.0.2.22', 'the new resolver is not asked')
    assert.ok(next.count('two.test') > 0)
    // And back: the watch outlives the first change.
    setResolvers(['127.0.0.2'], how)
    await until(async () => (await ask('six.test', 'AAAA')).data[0] === '2001:db8::6', 'the first resolver is not asked again')
  })
}

for (const transport of ['udp', 'tcp'] as const) {
  e2e(`host.netloom.internal is the gateway, by ${transport}`, async (scope) => {
    const { ask, resolver } = await start(scope)
    assert.deepEqual(brief(await ask('host.netloom.internal', 'A', transport)), found('10.0.2.2'))
    assert.deepEqual(brief(await ask('HOST.netloom.INTERNAL', 'A', transport)), found('10.0.2.2'))
    // It exists, so that a resolver that asks for both does not take it for missing.
    assert.equal((await ask('host.netloom.internal', 'AAAA', transport)).code, 0)
    assert.equal(resolver.queries.length, 0, 'it was asked of the host')
  })
}

e2e('host.netloom.internal follows --cidr', async (scope) => {
  keepResolvConf(scope)
  const guest = scope.use(await Sandbox.start('--cidr', '10.7.0.0/16'))
  assert.match(await guest.must(['getent', 'ahostsv4', 'host.netloom.internal']), /^10\.7\.0\.2\s/m)
})

e2e('with no resolver left the question is answered with a failure, not with silence', async (scope) => {
  keepResolvConf(scope)
  setResolvers(['127.0.0.9'])
  const guest = scope.use(await Sandbox.start())
  assert.equal((await guest.ask<Asked>('dns-query.js', DNS, 'udp', 'one.test', 'A')).code, 2)
})

for (const [what, prepare] of [
  ['missing', () => {}],
  ['a link to nowhere', () => symlinkSync('/run/nowhere/resolv.conf', '/etc/resolv.conf')],
  ['empty', () => writeFileSync('/etc/resolv.conf', '')],
  ['a link', () => symlinkSync('resolv.conf.real', '/etc/resolv.conf')],
] as const) {
  e2e(`it starts when the host's resolv.conf is ${what}, and the sandbox can resolve names`, async (scope) => {
    keepResolvConf(scope)
    rmSync('/etc/resolv.conf')
    writeFileSync('/etc/resolv.conf.real', 'nameserver 127.0.0.2\n')
    scope.defer(() => rmSync('/etc/resolv.conf.real'))
    prepare()
    const guest = scope.use(await Sandbox.start())
    assert.match(await guest.must(['getent', 'ahostsv4', 'host.netloom.internal']), /^10\.0\.2\.2\s/m)
    assert.equal(readFileSync('/etc/resolv.conf.real', 'utf8'), 'nameserver 127.0.0.2\n')
  })
}

e2e('--disable-dns: nobody answers at 10.0.2.3, and resolv.conf is the host’s', async (scope) => {
  const { guest, resolver } = await start(scope, [], '--disable-dns')
  const byTcp = await guest.ask<{ error: string | null }>('tcp.py', 'connect', DNS, 53)
  assert.notEqual(byTcp.error, null)
  const byUdp = await guest.ask<Asked>('dns-query.js', DNS, 'udp', 'host.netloom.internal', 'A', 3_000)
  assert.notEqual(byUdp.error, null)
  assert.equal(resolver.queries.length, 0)
  assert.equal(await guest.must(['cat', '/etc/resolv.conf']), 'nameserver 127.0.0.2\n')
})
