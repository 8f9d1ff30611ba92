// DHCP messages at random of a handful of clients, against a twin that only remembers who was given what; and messages that are bent,
// which must be answered rightly or not at all.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachSeed, type Random } from '../support/random.js'
import { GATEWAY, GUEST } from '../support/simulated-stack.js'
import {
  ACK,
  DECLINE,
  DhcpWorld,
  DISCOVER,
  EVERYBODY,
  encodeMessage,
  host,
  INFORM,
  type Message,
  mac,
  NAK,
  OFFER,
  RELEASE,
  REQUEST,
  type Reply,
  type Way,
} from '../unit/service/dhcp-world.js'

const RUNS = 100
const MESSAGES = 150
const LEASE = 86_400_000
/** More than there are addresses. */
const CLIENTS = 20

const TYPES = [DISCOVER, DISCOVER, REQUEST, REQUEST, REQUEST, DECLINE, RELEASE, INFORM, 0, 255] as const
const ADDRESSES = [0, host(15), host(16), host(29), host(30), host(31), host(14), host(200), GUEST, GATEWAY, EVERYBODY, 0x08080808]
const isPool = (address: number): boolean => address >= host(15) && address <= host(30)

const anyAddress = (random: Random): number => (random.chance(60) ? host(random.between(15, 30)) : random.pick(ADDRESSES))

/** Fields and options that need not fit together. */
function anyMessage(random: Random): Message {
  return {
    type: random.pick(TYPES),
    mac: mac(random.below(CLIENTS)),
    broadcast: random.chance(30),
    ciaddr: random.chance(40) ? anyAddress(random) : 0,
    giaddr: random.chance(10) ? anyAddress(random) : 0,
    ...(random.chance(50) ? { requested: anyAddress(random) } : {}),
    ...(random.chance(40) ? { server: random.chance(80) ? GATEWAY : host(77) } : {}),
    ...(random.chance(30) ? { asks: Array.from({ length: random.below(40) }, () => random.below(256)) } : {}),
    ...(random.chance(20) ? { more: `3902${random.pick(['0000', '0240', '05dc', 'ffff'])}` } : {}),
  }
}

const anyWay = (random: Random): Way => ({
  source: random.chance(50) ? 0 : host(random.between(15, 200)),
  destination: random.chance(70) ? EVERYBODY : GATEWAY,
})

/** What holds of every reply, whatever it answers. */
function assertReply(reply: Reply): void {
  assert.ok(reply.type === OFFER || reply.type === ACK || reply.type === NAK, `type ${reply.type}`)
  assert.equal(reply.options.get(54), '0a000202')
  assert.equal(reply.yiaddr !== 0, reply.options.has(51))
  assert.ok(reply.yiaddr === 0 || isPool(reply.yiaddr))
  assert.ok(reply.type === ACK || (reply.type === OFFER) === (reply.yiaddr !== 0))
  assert.ok(reply.length >= 300 && reply.length <= 1472, `${reply.length} bytes`)
  // To everybody, to a relay, or to one host that may be there.
  const isOne = reply.destination > host(0) && reply.destination < host(255) && reply.destination !== GATEWAY
  assert.ok(reply.destination === EVERYBODY || isOne, `to ${reply.destination}`)
}

/** Who has been given which address, and until when. */
class Twin {
  readonly #owners = new Map<number, { client: number; until: number }>()

  give(address: number, client: number, now: number): void {
    const owner = this.#owners.get(address)
    const isFree = owner === undefined || owner.client === client || owner.until <= now
    assert.ok(isFree, `${client} was given ${address}, which is ${owner?.client}'s`)
    for (const [other, { client: holder, until }] of this.#owners)
      assert.ok(other === address || holder !== client || until <= now, `${client} has two addresses`)
    this.#owners.set(address, { client, until: now + LEASE })
  }

  takeBack(address: number, client: number): void {
    if (this.#owners.get(address)?.client === client) this.#owners.delete(address)
  }
}

test('no two clients have one address, and no client two', () => {
  let given = 0
  forEachSeed('dhcp.test', RUNS, (random) => {
    const world = new DhcpWorld()
    const twin = new Twin()
    for (let i = 0; i < MESSAGES; i++) {
      const message = anyMessage(random)
      const client = message.mac![1]
      const now = world.net.kernel.time
      const isOurs = message.server === undefined || message.server === GATEWAY
      if (message.type === RELEASE && isOurs) twin.takeBack(message.ciaddr!, client)
      if (message.type === DECLINE && isOurs) twin.takeBack(message.requested ?? 0, client)
      const replies = world.send(message, anyWay(random))
      assert.ok(replies.length <= 1)
      for (const reply of replies) {
        assertReply(reply)
        if (reply.type !== ACK || reply.yiaddr === 0) continue
        twin.give(reply.yiaddr, client, now)
        given++
      }
      if (random.chance(10)) world.net.wait(random.pick([1, 60_000, 600_000, LEASE / 2, LEASE]))
    }
    assert.equal(world.net.kernel.datagrams.length, 0)
    world.close()
  })
  assert.ok(given > RUNS || process.env['NETLOOM_RUNS'] !== undefined, `only ${given} leases`)
})

/** A few bytes changed, put in or left out, mostly among the options. */
function bend(random: Random, message: Uint8Array): Uint8Array {
  const bytes = [...message]
  for (let n = random.between(1, 6); n > 0; n--) {
    const at = random.chance(80) ? random.between(236, bytes.length) : random.below(bytes.length)
    const value = random.pick([0, 1, 4, 52, 53, 55, 61, 254, 255, random.below(256)])
    bytes.splice(at, random.below(3), ...Array.from({ length: random.below(3) }, () => value))
  }
  return Uint8Array.from(random.chance(10) ? bytes.slice(0, random.below(bytes.length)) : bytes)
}

test('what is bent is answered rightly or not at all', () => {
  let answered = 0
  forEachSeed('dhcp.test', RUNS, (random) => {
    const world = new DhcpWorld()
    world.search = ['corp.example', 'a.very.long.name.of.some.department.example', 'x'.repeat(64), '']
    for (let i = 0; i < MESSAGES; i++) {
      const replies = world.deliver(bend(random, encodeMessage(anyMessage(random))), anyWay(random))
      assert.ok(replies.length <= 1)
      for (const reply of replies) assertReply(reply)
      answered += replies.length
    }
    assert.equal(world.net.kernel.datagrams.length, 0)
    world.close()
  })
  assert.ok(answered > RUNS || process.env['NETLOOM_RUNS'] !== undefined, `only ${answered} were answered`)
})
