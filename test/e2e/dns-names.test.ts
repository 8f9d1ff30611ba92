// --dns-name: names that exist in the sandbox alone.
import assert from 'node:assert/strict'
import { e2e } from '../support/e2e.js'
import { keepResolvConf, Resolver, setResolvers } from '../support/resolver.js'
import { Sandbox } from '../support/sandbox.js'

e2e('names of the command line have their addresses, of both families, and lead back', async (scope) => {
  keepResolvConf(scope)
  const resolver = scope.use(await Resolver.start('127.0.0.2', {}))
  setResolvers(['127.0.0.2'])
  const names = ['db.test=192.0.2.7', 'DB.test=2001:db8::7', 'db.test=192.0.2.8', 'host.docker.internal=192.0.2.9', 'bücher.test=10.0.2.2']
  const guest = scope.use(await Sandbox.start(...names.map((name) => `--dns-name=${name}`)))
  const dig = (...args: string[]) => guest.must(['dig', '+short', ...args])
  assert.equal(await dig('db.test', 'A'), '192.0.2.7\n192.0.2.8\n')
  assert.equal(await dig('+tcp', 'Db.Test', 'AAAA'), '2001:db8::7\n')
  assert.equal(await dig('db.test', 'MX'), '')
  assert.equal(await dig('-x', '192.0.2.8', '-x', '2001:db8::7'), 'db.test.\ndb.test.\n')
  assert.equal(await dig('host.docker.internal', 'A', 'host.containers.internal', 'A'), '192.0.2.9\n10.0.2.2\n')
  assert.equal(await dig('xn--bcher-kva.test'), '10.0.2.2\n')
  assert.match(await guest.must(['getent', 'ahosts', 'db.test']), /^192\.0\.2\.7\s/m)
  assert.equal(resolver.queries.length, 0, 'they were asked of the host')
  assert.match(await guest.must(['dig', 'x.db.test']), /status: NXDOMAIN/)
  assert.equal(resolver.count('x.db.test'), 1)
})
