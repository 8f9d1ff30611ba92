// The state that a runtime tells its hooks: what is read of it, and the name that a container's network has.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkName } from '../../../src/app/control-path.js'
import { readState } from '../../../src/cli/oci-state.js'

const state = (changes: object): string =>
  JSON.stringify({ ociVersion: '1.0.2', id: 'web', status: 'creating', pid: 123, bundle: '/bundles/web', ...changes })

test('a container that is created, with no annotations', () => {
  const { hasStopped, pid, publish, network } = readState(state({}))
  assert.deepEqual([hasStopped, pid, publish], [false, 123, ''])
  assert.match(network, /^oci-web-[\da-f]{8}$/)
})

test('the end of a container: runc leaves the pid out, crun says 0; the network is that of its creation', () => {
  const { network } = readState(state({}))
  for (const pid of [undefined, 0]) {
    const ended = readState(state({ status: 'stopped', pid }))
    assert.deepEqual([ended.hasStopped, ended.pid, ended.network], [true, 0, network])
  }
})

test('the same id in another bundle is another container', () => {
  assert.notEqual(readState(state({})).network, readState(state({ bundle: '/elsewhere/web' })).network)
})

test('every id makes a name that a network may have', () => {
  for (const id of ['a'.repeat(64), 'with+plus', 'döner', '.', '-']) checkName(readState(state({ id })).network)
})

test('ports: parted by commas, spaces or both; annotations of others are theirs', () => {
  const annotations = { 'org.example.a': 'b', 'netloom.publish': ' 8080:80,  53:53/udp\n443:443 ' }
  assert.equal(readState(state({ annotations })).publish, '8080:80,53:53/udp,443:443')
})

test('what cannot be a state is refused', () => {
  for (const text of ['', 'null', '[]', '7', state({ id: 7 }), state({ status: null }), state({ pid: -1 }), state({ pid: '123' })])
    assert.throws(() => readState(text), { code: 'ERR_OCI_STATE', exitCode: 2 })
  assert.throws(() => readState(state({ pid: 0 })), /no pid, though it is creating/)
})

test('an annotation of ours that there is not, or that is no text, is refused', () => {
  for (const annotations of [{ 'netloom.port': '80' }, { 'netloom.publish': 80 }])
    assert.throws(() => readState(state({ annotations })), { code: 'ERR_ANNOTATION', exitCode: 2 })
})
