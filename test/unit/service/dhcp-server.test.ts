// What a DHCP server does with each message in each state, RFC 2131, 4.3; and to whom it says so, 4.1.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BROADCAST_MAC } from '../../support/frames.js'
import { GATEWAY, GUEST } from '../../support/simulated-stack.js'
import { bytes } from '../wire/captured.js'
import { DHCLIENT_DISCOVER, DHCPCD_DISCOVER, UDHCPC_DISCOVER, UDHCPC_REQUEST } from '../wire/captured-dhcp.js'
import {
  ACK,
  DECLINE,
  DhcpWorld,
  DISCOVER,
  EVERYBODY,
  encodeMessage,
  host,
  INFORM,
  mac,
  NAK,
  OFFER,
  RELEASE,
  REQUEST,
} from './dhcp-world.js'

const DAY = 86_400_000
const OTHER_SERVER = host(77)
/** Half a day and seven eighths of one, in seconds. */
const LEASE = { 51: '00015180', 58: '0000a8c0', 59: '00012750' } as const

function scenario(name: string, body: (world: DhcpWorld) => void, options: ConstructorParameters<typeof DhcpWorld>[0] = {}): void {
  test(name, () => {
    const world = new DhcpWorld(options)
    body(world)
    world.close()
  })
}

scenario('a client is offered an address, asks for it and has it', (world) => {
  const offer = world.ask({ type: DISCOVER, xid: 0x1a2b3c4d })
  assert.deepEqual([offer.type, offer.xid, offer.yiaddr, offer.ciaddr], [OFFER, 0x1a2b3c4d, host(15), 0])
  assert.deepEqual(world.lines, [])
  const ack = world.ask({ type: REQUEST, xid: 0x1a2b3c4e, requested: host(15), server: GATEWAY })
  assert.deepEqual([ack.type, ack.xid, ack.yiaddr], [ACK, 0x1a2b3c4e, host(15)])
  assert.equal(ack.options.get(54), '0a000202')
  for (const [code, value] of Object.entries(LEASE)) assert.equal(ack.options.get(Number(code)), value)
  assert.deepEqual(world.lines, ['netloom: DHCP: 10.0.2.15 is leased to 02:00:00:00:50:01'])
})

scenario(
  'a client is told the network: mask, broadcast address, router, DNS, domains, its name, MTU and routes',
  (world) => {
    world.search = ['corp.example', 'lab.example.']
    world.hostName = 'box'
    const { options } = world.ask({ type: DISCOVER, asks: [1, 28, 3, 6, 15, 119, 12, 26, 121, 42] })
    const told = Object.fromEntries([...options].filter(([code]) => ![51, 53, 54, 58, 59].includes(code)))
    assert.deepEqual(told, {
      1: 'ffffff00',
      28: '0a0002ff',
      3: '0a000202',
      6: '0a000203',
      15: Buffer.from('corp.example').toString('hex'),
      119: `04${Buffer.from('corp').toString('hex')}07${Buffer.from('example').toString('hex')}00036c616207${Buffer.from('example').toString('hex')}00`,
      12: Buffer.from('box').toString('hex'),
      26: '2328',
      121: '000a000202',
    })
  },
  { mtu: 9000 },
)

scenario('the domains are the host’s at the time of asking', (world) => {
  const asks = [15, 119]
  assert.equal(world.ask({ type: DISCOVER, asks }).options.get(15), undefined)
  world.search = ['not a name', 'new.example.']
  const { options } = world.ask({ type: DISCOVER, asks })
  assert.equal(options.get(15), Buffer.from('new.example').toString('hex'))
  assert.equal(options.get(119), '036e6577076578616d706c6500')
})

scenario(
  'without a DNS address there is no name server to tell, nor domains to look up',
  (world) => {
    world.search = ['corp.example']
    const { options } = world.ask({ type: DISCOVER, asks: [6, 15, 119, 3] })
    assert.deepEqual(
      [6, 15, 119, 3].map((code) => options.has(code)),
      [false, false, false, true],
    )
  },
  { dns: false },
)

scenario('captured clients are served', (world) => {
  for (const [captured, address, id] of [
    [UDHCPC_DISCOVER, 15, '014aadbeef1064'],
    // The same MAC address, which is what udhcpc calls itself by.
    [DHCLIENT_DISCOVER, 15, undefined],
    [DHCPCD_DISCOVER, 16, 'ffbeef1064000100013293eb944aadbeef1064'],
  ] as const) {
    const offer = world.deliver(bytes(captured))[0]!
    assert.deepEqual([offer.type, offer.yiaddr, offer.chaddr], [OFFER, host(address), [0x4aad, 0xbeef1064 | 0]])
    // RFC 6842.
    assert.equal(offer.options.get(61), id)
  }
  // Its REQUEST is for 10.0.2.43, which is not what it was offered.
  assert.deepEqual(
    world.deliver(bytes(UDHCPC_REQUEST)).map((reply) => reply.type),
    [NAK],
  )
})

scenario('each client has an address of its own, and the same one again', (world) => {
  const clients = [1, 2, 3].map((n) => ({ mac: mac(n) }))
  assert.deepEqual(
    clients.map((client) => world.lease(client)),
    [host(15), host(16), host(17)],
  )
  for (const client of clients) world.tell({ ...client, type: RELEASE, ciaddr: world.lease(client), server: GATEWAY })
  assert.deepEqual(
    [...clients].reverse().map((client) => world.lease(client)),
    [host(17), host(16), host(15)],
  )
})

scenario('a client is who its identifier says, else who its MAC address says (RFC 2131, 4.2)', (world) => {
  const first = world.lease({ mac: mac(1), id: 'ff0011' })
  assert.equal(world.lease({ mac: mac(2), id: 'ff0011' }), first)
  assert.notEqual(world.lease({ mac: mac(1), id: 'ff0012' }), first)
  // RFC 2132, 9.14: type 1 is a MAC address.
  const byMac = world.lease({ mac: mac(3) })
  assert.equal(world.lease({ mac: mac(3), id: '01020000005003' }), byMac)
})

scenario('a client that asks for an address is offered it when nobody has it', (world) => {
  assert.equal(world.ask({ type: DISCOVER, requested: host(20) }).yiaddr, host(20))
  // It has an offer; and neither what another has, nor the sandbox's own, nor one of no pool is given.
  assert.equal(world.ask({ type: DISCOVER, requested: host(21) }).yiaddr, host(20))
  assert.equal(world.ask({ type: DISCOVER, mac: mac(2), requested: host(20) }).yiaddr, host(15))
  assert.equal(world.ask({ type: DISCOVER, mac: mac(3), requested: GUEST }).yiaddr, host(16))
  assert.equal(world.ask({ type: DISCOVER, mac: mac(4), requested: 0x08080808 }).yiaddr, host(17))
})

scenario('sixteen clients have addresses, and the next is not answered until one of them runs out', (world) => {
  const all = Array.from({ length: 16 }, (_, i) => {
    world.net.wait(1_000)
    return world.lease({ mac: mac(i) })
  })
  assert.deepEqual(
    all,
    Array.from({ length: 16 }, (_, i) => host(15 + i)),
  )
  const late = { mac: mac(99) }
  world.tell({ ...late, type: DISCOVER })
  assert.match(world.lines.at(-1)!, /no address is left for 02:00:00:00:50:63/)
  assert.equal(world.ask({ ...late, type: REQUEST, requested: host(15) }).type, NAK)
  // All but one renew.
  world.net.wait(DAY / 2)
  for (let i = 0; i < 16; i++) if (i !== 9) assert.equal(world.ask({ mac: mac(i), type: REQUEST, ciaddr: all[i]! }).type, ACK)
  world.net.wait(DAY / 2 - 6_001)
  world.tell({ ...late, type: DISCOVER })
  world.net.wait(1)
  assert.equal(world.lease(late), host(24))
  world.tell({ mac: mac(9), type: DISCOVER })
})

scenario('of addresses that ran out the one used least recently goes first', (world) => {
  for (let i = 0; i < 16; i++) world.lease({ mac: mac(i) })
  for (const i of [7, 3, 5]) world.tell({ mac: mac(i), type: RELEASE, ciaddr: host(15 + i), server: GATEWAY })
  assert.deepEqual(
    [90, 91].map((n) => world.lease({ mac: mac(n) })),
    [host(22), host(18)],
  )
  // Who comes back in time has its own.
  assert.equal(world.lease({ mac: mac(5) }), host(20))
})

scenario('an offer that nobody takes is free after a minute', (world) => {
  for (let i = 0; i < 16; i++) world.ask({ mac: mac(i), type: DISCOVER })
  world.net.wait(59_999)
  world.tell({ mac: mac(50), type: DISCOVER })
  world.net.wait(1)
  assert.equal(world.lease({ mac: mac(50) }), host(15))
})

scenario('who takes another server’s offer gives ours back', (world) => {
  for (let i = 0; i < 16; i++) world.ask({ mac: mac(i), type: DISCOVER })
  world.tell({ mac: mac(4), type: REQUEST, requested: host(200), server: OTHER_SERVER })
  assert.equal(world.lease({ mac: mac(50) }), host(19))
  // A lease is no offer.
  world.tell({ mac: mac(50), type: REQUEST, requested: host(200), server: OTHER_SERVER })
  world.tell({ mac: mac(51), type: DISCOVER })
})

scenario('SELECTING: what the client was not offered is refused', (world) => {
  assert.equal(world.ask({ type: DISCOVER }).yiaddr, host(15))
  const selecting = { type: REQUEST, server: GATEWAY }
  assert.equal(world.ask({ ...selecting, requested: host(16) }).type, NAK)
  assert.equal(world.ask({ ...selecting, requested: host(200) }).type, NAK)
  assert.equal(world.ask({ ...selecting, requested: host(15), mac: mac(2) }).type, NAK)
  assert.equal(world.ask({ ...selecting, requested: host(15) }).type, ACK)
})

scenario('INIT-REBOOT: the address the client has had is confirmed, any other refused', (world) => {
  const address = world.lease()
  assert.deepEqual([world.ask({ type: REQUEST, requested: address }).type, world.lines.length], [ACK, 1])
  assert.equal(world.ask({ type: REQUEST, requested: host(16) }).type, NAK)
  // Of another network, of another client; and those that are nobody's to give.
  for (const [n, requested] of [
    [2, 0xc0a80107 | 0],
    [2, address],
    [3, GUEST],
    [3, GATEWAY],
    [3, host(3)],
    [3, host(255)],
    [3, host(0)],
  ] as const)
    assert.equal(world.ask({ type: REQUEST, mac: mac(n), requested }).type, NAK)
})

scenario('INIT-REBOOT: after we have begun anew, a client keeps its address if nobody has it', (world) => {
  assert.equal(world.ask({ type: REQUEST, requested: host(22) }).yiaddr, host(22))
  assert.equal(world.lease(), host(22))
  assert.equal(world.ask({ type: REQUEST, mac: mac(2), requested: host(22) }).type, NAK)
})

scenario('a client that begins anew while it has a lease is offered that, and loses nothing by it', (world) => {
  const address = world.lease()
  assert.equal(world.ask({ type: DISCOVER, requested: host(20) }).yiaddr, address)
  world.net.wait(60_000)
  assert.equal(world.ask({ type: REQUEST, mac: mac(2), requested: address }).type, NAK)
})

scenario('a client that has given its address back may ask for another, and that is its own then', (world) => {
  world.tell({ type: RELEASE, ciaddr: world.lease(), server: GATEWAY })
  assert.equal(world.ask({ type: REQUEST, requested: host(20) }).type, ACK)
  assert.equal(world.ask({ type: DISCOVER }).yiaddr, host(20))
  assert.equal(world.lease({ mac: mac(2), requested: host(15) }), host(15))
})

scenario('INIT-REBOOT: an address that another server may have given is not ours to refuse (RFC 2131, 4.3.2)', (world) => {
  world.tell({ type: REQUEST, requested: host(200) })
  // REBINDING.
  world.tell({ type: REQUEST, ciaddr: host(200) }, { source: host(200) })
  // But to us it says that we gave it.
  assert.equal(world.ask({ type: REQUEST, ciaddr: host(200) }, { source: host(200), destination: GATEWAY }).type, NAK)
})

scenario('RENEWING and REBINDING: the lease begins anew', (world) => {
  const ciaddr = world.lease()
  world.net.wait(DAY / 2)
  const renewed = world.ask({ type: REQUEST, ciaddr }, { source: ciaddr, destination: GATEWAY })
  assert.deepEqual([renewed.type, renewed.ciaddr, renewed.yiaddr, renewed.options.get(51)], [ACK, ciaddr, ciaddr, LEASE[51]])
  world.net.wait((DAY / 8) * 7)
  assert.equal(world.ask({ type: REQUEST, ciaddr }, { source: ciaddr }).type, ACK)
  world.net.wait(DAY - 1)
  assert.equal(world.ask({ type: REQUEST, mac: mac(2), requested: ciaddr }).type, NAK)
  world.net.wait(1)
  assert.equal(world.ask({ type: REQUEST, mac: mac(2), requested: ciaddr }).type, ACK)
  assert.equal(world.ask({ type: REQUEST, ciaddr }, { source: ciaddr, destination: GATEWAY }).type, NAK)
})

test('leases end even when nobody asks until the clock has come round', () => {
  const world = new DhcpWorld({}, 0x7fffffff - 1000)
  const address = world.lease()
  world.net.wait(2 ** 31 + DAY + 1_000)
  assert.equal(world.ask({ type: REQUEST, mac: mac(2), requested: address }).type, ACK)
  world.close()
})

scenario('RELEASE: the address is free, but not for whom it is not', (world) => {
  const address = world.lease()
  const other = { mac: mac(2), type: REQUEST, requested: address }
  world.tell({ type: RELEASE, mac: mac(2), ciaddr: address, server: GATEWAY })
  world.tell({ type: RELEASE, ciaddr: address, server: OTHER_SERVER })
  world.tell({ type: RELEASE, ciaddr: host(16), server: GATEWAY })
  assert.equal(world.ask(other).type, NAK)
  world.tell({ type: RELEASE, ciaddr: address, server: GATEWAY }, { source: address, destination: GATEWAY })
  assert.equal(world.ask(other).type, ACK)
})

scenario('DECLINE: an address that is in use is left alone for ten minutes', (world) => {
  const address = world.lease()
  world.tell({ type: DECLINE, mac: mac(2), requested: address, server: GATEWAY })
  world.tell({ type: DECLINE, requested: address, server: OTHER_SERVER })
  assert.equal(world.lease(), address)
  world.tell({ type: DECLINE, requested: address, server: GATEWAY })
  assert.match(world.lines.at(-1)!, /10\.0\.2\.15 is in use in the sandbox already/)
  assert.equal(world.ask({ type: REQUEST, requested: address }).type, NAK)
  assert.equal(world.lease(), host(16))
  // A second time there is nothing to decline.
  world.tell({ type: DECLINE, requested: address, server: GATEWAY })
  world.net.wait(599_999)
  assert.equal(world.ask({ type: DISCOVER, mac: mac(2), requested: address }).yiaddr, host(17))
  world.net.wait(1)
  assert.equal(world.lease({ mac: mac(3), requested: address }), address)
})

scenario('INFORM: who has an address is told the rest, and given none', (world) => {
  const ack = world.ask({ type: INFORM, ciaddr: GUEST, asks: [1, 3, 6] }, { source: GUEST })
  assert.deepEqual([ack.type, ack.ciaddr, ack.yiaddr, ack.destination, ack.mac], [ACK, GUEST, 0, GUEST, mac(1)])
  assert.deepEqual([...ack.options.keys()], [53, 54, 1, 3, 6])
  // Some leave out the address they send from.
  assert.equal(world.ask({ type: INFORM }, { source: GUEST, destination: GATEWAY }).destination, GUEST)
  world.tell({ type: INFORM })
  world.tell({ type: INFORM, ciaddr: 0x08080808 }, { source: GUEST })
  assert.deepEqual(world.lines, [])
})

scenario('4.1: replies go to the relay, the client’s address, everybody, or the address to be', (world) => {
  const given = host(15)
  const plain = world.ask({ type: DISCOVER })
  assert.deepEqual([plain.destination, plain.mac, plain.port], [given, mac(1), 68])
  const broadcast = world.ask({ type: DISCOVER, broadcast: true })
  assert.deepEqual([broadcast.destination, broadcast.mac, broadcast.port], [EVERYBODY, BROADCAST_MAC, 68])
  assert.equal(broadcast.isBroadcast, true)
  world.lease()
  // A client behind a router of the sandbox's: its own address, but the router's MAC address.
  const renewing = world.ask({ type: REQUEST, ciaddr: given, broadcast: true }, { source: given, destination: GATEWAY, from: mac(7) })
  assert.deepEqual([renewing.destination, renewing.mac, renewing.port], [given, mac(7), 68])
  // An address that no host of this network has is none to answer to.
  for (const ciaddr of [0x08080808, GATEWAY, host(255)]) assert.equal(world.ask({ type: DISCOVER, ciaddr }).destination, given)
  const relayed = world.ask({ type: DISCOVER, giaddr: host(50), broadcast: true }, { source: host(50), from: mac(8), port: 67 })
  assert.deepEqual([relayed.destination, relayed.mac, relayed.port, relayed.giaddr], [host(50), mac(8), 67, host(50)])
})

scenario('4.1: a NAK goes to everybody, through a relay too', (world) => {
  world.lease()
  const nak = world.ask({ type: REQUEST, mac: mac(2), requested: host(15) })
  assert.deepEqual([nak.type, nak.destination, nak.mac, nak.isBroadcast, nak.yiaddr], [NAK, EVERYBODY, BROADCAST_MAC, false, 0])
  assert.deepEqual([...nak.options.keys()], [53, 54])
  const relayed = world.ask(
    { type: REQUEST, mac: mac(2), requested: host(15), giaddr: host(50) },
    { source: host(50), from: mac(8), port: 67 },
  )
  assert.deepEqual([relayed.type, relayed.destination, relayed.mac, relayed.isBroadcast], [NAK, host(50), mac(8), true])
})

scenario('what is no message of a client of ours is not answered', (world) => {
  world.tell({ type: DISCOVER, op: 2 })
  // BOOTP, and types that only servers or nobody sends.
  world.tell({ type: 0 })
  for (const type of [OFFER, ACK, NAK, 9, 13, 255]) world.tell({ type, ciaddr: host(15), requested: host(15), server: GATEWAY })
  world.tell({ type: DISCOVER, mac: [0x0300, 1] }, { from: mac(1) })
  world.tell({ type: DISCOVER, giaddr: 0xc0a80101 | 0 })
  world.tell({ type: DISCOVER, giaddr: GATEWAY })
  world.tell({ type: REQUEST })
  const message = encodeMessage({ type: DISCOVER })
  for (let length = 0; length < 243; length++) assert.deepEqual(world.deliver(message.subarray(0, length)), [])
  assert.deepEqual(world.lines, [])
  // None of these had an effect.
  assert.equal(world.lease({ mac: mac(2) }), host(15))
})

scenario('a guest that is always somebody else has sixteen addresses and a line a second', (world) => {
  for (let i = 0; i < 500; i++) {
    const [offer] = world.send({ type: DISCOVER, mac: mac(i) })
    if (offer !== undefined) world.send({ type: REQUEST, mac: mac(i), requested: offer.yiaddr, server: GATEWAY })
  }
  assert.equal(world.lines.length, 16)
  world.net.wait(2_000)
  for (let i = 0; i < 500; i++) world.tell({ type: DISCOVER, mac: mac(900 + i) })
  assert.equal(world.lines.length, 18)
})
