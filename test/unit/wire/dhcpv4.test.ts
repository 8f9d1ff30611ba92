import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as dhcpv4 from '../../../src/wire/dhcpv4.js'
import * as options from '../../../src/wire/dhcpv4-options.js'
import { forEachSeed } from '../../support/random.js'
import { assertRefusesTruncation, bytes, frame, JUNK, viewOf, written } from './captured.js'
import { DHCLIENT_DISCOVER, DHCPCD_DISCOVER, OFFER_TO_UDHCPC, UDHCPC_DISCOVER, UDHCPC_REQUEST } from './captured-dhcp.js'

const HEAD = bytes(UDHCPC_DISCOVER).subarray(0, 240)

/** A message with these options; `sname` and `file` where they take part. */
function message(hex: string, file = '', sname = ''): Uint8Array {
  const rest = bytes(hex)
  const whole = new Uint8Array(240 + rest.length)
  whole.set(HEAD)
  whole.set(bytes(sname), 44)
  whole.set(bytes(file), 108)
  whole.set(rest, 240)
  return whole
}

/** Parses into columns full of what the message before may have left. */
function parse(content: Uint8Array): { whole: boolean; found: Record<string, unknown> } {
  const view = viewOf(content)
  assert.equal(dhcpv4.isValid(view, JUNK, content.length), true)
  const array = new Int32Array(options.COLUMNS).fill(0x5a5a5a5a)
  const whole = options.parse(view, JUNK, content.length, array)
  const at = (place: number, length: number): string =>
    Buffer.from(content.subarray(array[place], array[place]! + array[length]!)).toString('hex')
  return {
    whole,
    found: {
      type: array[options.MESSAGE_TYPE],
      requested: array[options.REQUESTED_ADDRESS],
      server: array[options.SERVER_IDENTIFIER],
      maxSize: array[options.MAX_SIZE],
      asked: at(options.PARAMETER_LIST, options.PARAMETER_COUNT),
      client: at(options.CLIENT_IDENTIFIER, options.CLIENT_IDENTIFIER_LENGTH),
      name: at(options.HOST_NAME, options.HOST_NAME_LENGTH),
    },
  }
}

const NOTHING = { type: 0, requested: 0, server: 0, maxSize: 0, asked: '', client: '', name: '' }

test('reads the fields of captured messages', () => {
  const view = frame(UDHCPC_REQUEST)
  assert.equal(dhcpv4.isValid(view, JUNK, 300), true)
  assert.equal(dhcpv4.op(view, JUNK), dhcpv4.OP_REQUEST)
  assert.equal(dhcpv4.xid(view, JUNK), 0xe9114d27 | 0)
  assert.equal(dhcpv4.isBroadcastAsked(view, JUNK), false)
  assert.equal(dhcpv4.ciaddr(view, JUNK), 0)
  assert.equal(dhcpv4.giaddr(view, JUNK), 0)
  assert.equal(dhcpv4.chaddrHigh(view, JUNK), 0x4aad)
  assert.equal(dhcpv4.chaddrLow(view, JUNK), 0xbeef1064 | 0)
  const offer = frame(OFFER_TO_UDHCPC)
  assert.equal(dhcpv4.op(offer, JUNK), dhcpv4.OP_REPLY)
  assert.equal(dhcpv4.yiaddr(offer, JUNK), 0x0a00022b)
  assert.equal(dhcpv4.siaddr(offer, JUNK), 0x0a000202)
})

test('reads fields that those left at 0', () => {
  const content = message('ff')
  content.set(bytes('1234 8000 0a000264 0a000265 0a000266 0a000267'), 8)
  const view = viewOf(content)
  assert.equal(dhcpv4.isBroadcastAsked(view, JUNK), true)
  assert.equal(dhcpv4.ciaddr(view, JUNK), 0x0a000264)
  assert.equal(dhcpv4.yiaddr(view, JUNK), 0x0a000265)
  assert.equal(dhcpv4.siaddr(view, JUNK), 0x0a000266)
  assert.equal(dhcpv4.giaddr(view, JUNK), 0x0a000267)
})

test('reads what captured clients say', () => {
  assert.deepEqual(parse(bytes(UDHCPC_DISCOVER)), {
    whole: true,
    found: {
      ...NOTHING,
      type: dhcpv4.DISCOVER,
      maxSize: 576,
      asked: '0103060c0f1c2a',
      client: '014aadbeef1064',
      name: Buffer.from('guest').toString('hex'),
    },
  })
  const request = parse(bytes(UDHCPC_REQUEST)).found
  assert.equal(request['type'], dhcpv4.REQUEST)
  assert.equal(request['requested'], 0x0a00022b)
  assert.equal(request['server'], 0x0a000202)
  const dhclient = parse(bytes(DHCLIENT_DISCOVER)).found
  assert.equal(dhclient['asked'], '011c02030f06770c2c2f1a792a')
  assert.equal(dhclient['client'], '')
  const dhcpcd = parse(bytes(DHCPCD_DISCOVER)).found
  assert.equal(dhcpcd['client'], 'ffbeef1064000100013293eb944aadbeef1064')
  assert.equal(dhcpcd['maxSize'], 1472)
})

test('refuses what is shorter than its fields, of other hardware, or no DHCP', () => {
  assertRefusesTruncation(message(''), dhcpv4.isValid)
  for (const at of [1, 2, 236, 237, 238, 239]) {
    for (let bit = 0; bit < 8; bit++) {
      const content = message('ff')
      content[at]! ^= 1 << bit
      assert.equal(dhcpv4.isValid(viewOf(content), JUNK, content.length), false, `byte ${at}, bit ${bit}`)
    }
  }
})

test('padding is skipped, what follows the end is not read', () => {
  assert.deepEqual(parse(message('0000 350103 00 ff 39020240')), { whole: true, found: { ...NOTHING, type: 3 } })
  assert.deepEqual(parse(message('')), { whole: true, found: NOTHING })
  assert.deepEqual(parse(message('350101')), { whole: true, found: { ...NOTHING, type: 1 } })
})

test('unknown options are skipped', () => {
  assert.deepEqual(parse(message('e000 fe03aabbcc 5000 350101 ff')), { whole: true, found: { ...NOTHING, type: 1 } })
})

test('options go on in file and then in sname where they say so (RFC 2131, 4.1)', () => {
  const file = '32040a000264 3501ff ff'
  const sname = '32040a000265 3604 0a000202 ff'
  const requested = (overload: string): unknown[] => {
    const { whole, found } = parse(message(`350103 ${overload} ff`, file, sname))
    assert.equal(whole, true)
    assert.equal(found['type'], 3)
    return [found['requested'], found['server']]
  }
  assert.deepEqual(requested(''), [0, 0])
  assert.deepEqual(requested('340101'), [0x0a000264, 0])
  assert.deepEqual(requested('340102'), [0x0a000265, 0x0a000202])
  assert.deepEqual(requested('340103'), [0x0a000264, 0x0a000202])
})

test('an overload that another field asks for does not go round', () => {
  const { whole, found } = parse(message('340101 ff', '340103 350101 ff', '350102 ff'))
  assert.equal(whole, true)
  assert.equal(found['type'], 1)
})

test('options in a field end with it', () => {
  // 128 bytes of file, the last option of which would reach into the cookie.
  assert.equal(parse(message('340101 ff', `${'00'.repeat(124)} 3204 0a00`)).whole, false)
  assert.equal(parse(message('340101 ff', `${'00'.repeat(127)} 32`)).whole, false)
  assert.equal(parse(message('340101 ff', `${'00'.repeat(125)} 350101`)).found['type'], 1)
  assert.equal(parse(message('340102 ff', '', `${'00'.repeat(61)} 350101`)).found['type'], 1)
  assert.equal(parse(message('340102 ff', '02', `${'00'.repeat(61)} 350201`)).whole, false)
})

test('a length that cannot be ends the parse; what came before stands', () => {
  for (const rest of [
    '35', // no length
    '3500',
    '35020101',
    '3203 0a0002',
    '3205 0a00020000',
    '3603 0a0002',
    '3901 02',
    '3403 010101',
    '3904 00000240', // not one of its kind
    '37ff 01', // past the end
    'fe05 aabbccdd',
  ]) {
    const { whole, found } = parse(message(`3304 00000e10 37020103 ${rest}`))
    assert.equal(whole, false, rest)
    assert.deepEqual(found, { ...NOTHING, asked: '0103' }, rest)
  }
})

test('a client identifier of one byte or none identifies nobody (RFC 2132, 9.14)', () => {
  assert.deepEqual(parse(message('3d00 350101 ff')), { whole: true, found: { ...NOTHING, type: 1 } })
  assert.deepEqual(parse(message('3d0101 350101 ff')), { whole: true, found: { ...NOTHING, type: 1 } })
  assert.deepEqual(parse(message('3d020155 350101 ff')), { whole: true, found: { ...NOTHING, type: 1, client: '0155' } })
})

test('of options that come twice the first counts', () => {
  const { found } = parse(message('350103 350101 32040a000264 32040a000265 3d020101 3d03020202 ff'))
  assert.deepEqual(found, { ...NOTHING, type: 3, requested: 0x0a000264, client: '0101' })
})

test('a reply has what RFC 2131, table 3 copies, and nothing else', () => {
  const request = message('ff', 'ab'.repeat(128), 'cd'.repeat(64))
  request.set(bytes('01010601 12345678 0009 8123 0a000264 0a000265 0a000266 0a000267'))
  request.fill(0x77, 34, 44)
  const reply = written(240, (view, at) => {
    const all = new Uint8Array(view.byteLength + request.length)
    all.set(new Uint8Array(view.buffer))
    all.set(request, view.byteLength)
    dhcpv4.writeReply(new DataView(all.buffer), at, view.byteLength, 0x0a000268, 0x0a000269)
    new Uint8Array(view.buffer).set(all.subarray(0, view.byteLength))
  })
  const head = '02010600 12345678 0000 8123 0a000268 0a000269 00000000 0a000267 4aadbeef1064 77777777777777777777'
  assert.equal(Buffer.from(reply).toString('hex'), Buffer.from(bytes(`${head} ${'00'.repeat(192)} 63825363`)).toString('hex'))
})

test('no message leads out of its bytes', () => {
  const found = new Int32Array(options.COLUMNS)
  let whole = 0
  forEachSeed('../unit/wire/dhcpv4.test', 20_000, (random) => {
    const parts: number[] = []
    for (let count = random.below(10); count > 0; count--) {
      const code = random.pick([0, 12, 50, 52, 53, 54, 55, 57, 61, 255, random.below(256)])
      const size = random.pick([0, 1, 1, 2, 4, 4, 7, random.below(256)])
      parts.push(code, size)
      for (let i = random.chance(90) ? size : random.below(10); i > 0; i--) parts.push(random.below(256))
    }
    const junk = (length: number): string =>
      Buffer.from(Uint8Array.from({ length }, () => random.pick([0, 1, 4, 50, 52, 53, 55, 255, random.below(256)]))).toString('hex')
    const overload = random.chance(50) ? `3401${random.pick(['01', '02', '03', 'ff'])}` : ''
    const content = message(`${overload} ${Buffer.from(parts).toString('hex')}`, junk(128), junk(64))
    const view = viewOf(content)
    if (options.parse(view, JUNK, content.length, found)) whole++
    for (const place of [options.PARAMETER_LIST, options.CLIENT_IDENTIFIER, options.HOST_NAME]) {
      assert.ok(found[place]! >= 0 && found[place]! + found[place + 1]! <= content.length)
    }
  })
  assert.ok(process.env['NETLOOM_RUNS'] !== undefined || whole > 500, `${whole} were whole`)
})
