// The names that are answered here, as who asks sees them; the host's name servers are not asked then.
import assert from 'node:assert/strict'
import type { RecordType } from 'dns-packet'
import { DnsNames, HOST_NAME } from '../../../src/service/dns-names.js'
import { parseAny, type Words } from '../../../src/wire/address.js'
import { data, edns, query } from './dns-messages.js'
import { type DnsWorld, OWN, scenario } from './dns-world.js'

const words = (...texts: string[]): Words[] => texts.map((text) => parseAny(text)!)
const named = (names: Record<string, string[]>) => new Map(Object.entries(names).map(([name, texts]) => [name, words(...texts)]))
const BOTH = { ...OWN, gateway: words('10.0.2.2', 'fd00::2'), dns: words('10.0.2.3', 'fd00::3') }

/** Data of the answers; the name must be ours. */
function find(world: DnsWorld, name: string, type: RecordType): unknown[] {
  world.ask(name, type)
  const reply = world.reply()
  assert.deepEqual([reply.rcode, reply.flag_aa, reply.questions], ['NOERROR', true, [{ name, type, class: 'IN' }]])
  assert.equal(world.sockets.all.length, 0, 'it was asked of the host')
  return data(reply)
}

function expectForwarded(world: DnsWorld, name: string, type: RecordType): void {
  world.ask(name, type)
  world.noReply()
  world.answer(world.socket(), [], { flags: 0x8183 })
  assert.equal(world.reply().rcode, 'NXDOMAIN')
}

scenario(
  'the host has the names that container engines give it, in both families',
  (world) => {
    for (const name of [HOST_NAME, 'host.containers.internal', 'HOST.Docker.Internal']) {
      assert.deepEqual(find(world, name, 'A'), ['10.0.2.2'])
      assert.deepEqual(find(world, name, 'AAAA'), ['fd00::2'])
      assert.deepEqual(find(world, name, 'ANY' as RecordType), ['10.0.2.2', 'fd00::2'])
    }
  },
  { names: new DnsNames(BOTH, new Map()) },
)

scenario('without IPv6 it is there, and has no such address', (world) => {
  world.ask('host.docker.internal', 'AAAA')
  const reply = world.reply()
  assert.deepEqual([reply.rcode, reply.answers?.length], ['NOERROR', 0])
})

scenario(
  "the network's own addresses have names, and lead back to them",
  (world) => {
    assert.deepEqual(find(world, '2.2.0.10.in-addr.arpa', 'PTR'), [HOST_NAME])
    assert.deepEqual(find(world, '3.2.0.10.IN-ADDR.arpa', 'PTR'), ['dns.netloom.internal'])
    assert.deepEqual(find(world, '100.2.0.10.in-addr.arpa', 'PTR'), ['guest.netloom.internal'])
    const zeros = '0.'.repeat(27)
    assert.deepEqual(find(world, `2.0.${zeros.slice(2)}0.0.D.F.ip6.arpa`, 'PTR'), [HOST_NAME])
    assert.deepEqual(find(world, `3.0.${zeros.slice(2)}0.0.d.f.ip6.arpa`, 'PTR'), ['dns.netloom.internal'])
    for (const [name, address] of [
      ['gateway', '10.0.2.2'],
      ['dns', '10.0.2.3'],
      ['guest', '10.0.2.100'],
    ]) {
      assert.deepEqual(find(world, `${name}.netloom.internal`, 'A'), [address])
    }
    expectForwarded(world, '4.2.0.10.in-addr.arpa', 'PTR')
  },
  { names: new DnsNames(BOTH, new Map()) },
)

scenario(
  'a gateway that is not the host is only a gateway',
  (world) => {
    assert.deepEqual(find(world, '2.2.0.10.in-addr.arpa', 'PTR'), ['gateway.netloom.internal'])
    world.ask('host.docker.internal')
    assert.equal(world.reply().rcode, 'NXDOMAIN')
    assert.deepEqual(find(world, 'host.containers.internal', 'A'), ['192.0.2.9'])
  },
  { names: new DnsNames({ ...OWN, isHost: false }, named({ 'host.containers.internal': ['192.0.2.9'] })) },
)

const NAMED = named({
  'db.test': ['192.0.2.7', '2001:db8::7', '192.0.2.8'],
  'other.test': ['192.0.2.7'],
  'host.docker.internal': ['192.0.2.9'],
  'here.test': ['10.0.2.2'],
})

scenario(
  'a name of the options has the addresses that it was given, in order, and no other record',
  (world) => {
    assert.deepEqual(find(world, 'Db.Test', 'A'), ['192.0.2.7', '192.0.2.8'])
    assert.deepEqual(find(world, 'db.test', 'AAAA'), ['2001:db8::7'])
    assert.deepEqual(find(world, 'host.docker.internal', 'A'), ['192.0.2.9'])
    for (const type of ['MX', 'TXT', 'PTR'] satisfies RecordType[]) {
      world.ask('db.test', type)
      const reply = world.reply()
      assert.deepEqual([reply.rcode, reply.answers?.length], ['NOERROR', 0])
    }
    expectForwarded(world, 'x.db.test', 'A')
    expectForwarded(world, 'test', 'A')
  },
  { names: new DnsNames(OWN, NAMED) },
)

scenario(
  'and its addresses lead back to the first name that has them, our own first of all',
  (world) => {
    assert.deepEqual(find(world, '7.2.0.192.in-addr.arpa', 'PTR'), ['db.test'])
    assert.deepEqual(find(world, `7.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`, 'PTR'), ['db.test'])
    assert.deepEqual(find(world, '2.2.0.10.in-addr.arpa', 'PTR'), [HOST_NAME])
  },
  { names: new DnsNames(OWN, NAMED) },
)

scenario(
  'another class is not ours',
  (world) => {
    const chaos = query('db.test', 'TXT')
    chaos.writeUInt16BE(3, chaos.length - 2)
    world.send(chaos)
    assert.deepEqual(world.asked, ['192.0.2.1'])
    world.refuse(world.socket())
  },
  { names: new DnsNames(OWN, NAMED) },
)

scenario(
  'more addresses than fit 512 bytes make who has no EDNS ask by TCP',
  (world) => {
    world.ask('many.test')
    assert.equal(world.reply().flag_tc, true)
    world.send(query('many.test', 'A', 1, { additionals: [edns(4096)] }))
    assert.equal(world.reply().answers?.length, 100)
    const stream = world.connect()
    world.write(stream, query('many.test'))
    assert.ok(stream.messages()[0]!.length > 1_600)
    world.reset(stream)
  },
  { names: new DnsNames(OWN, named({ 'many.test': Array.from({ length: 100 }, (_, i) => `192.0.2.${i}`) })) },
)
