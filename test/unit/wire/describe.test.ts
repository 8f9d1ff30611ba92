import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, describeVnet } from '../../../src/wire/describe.js'
import * as captured from './captured.js'
import * as dhcp from './captured-dhcp.js'
import * as captured6 from './captured6.js'

function line(hex: string): string {
  const content = captured.bytes(hex)
  return describe(captured.viewOf(content), captured.JUNK, content.length)
}

function vnetLine(hex: string): string {
  const content = captured.bytes(hex)
  return describeVnet(captured.viewOf(content), captured.JUNK, content.length)
}

test('every captured frame', () => {
  assert.equal(line(captured.ARP_REQUEST), 'arp who has 10.0.2.2, tell 10.0.2.100')
  assert.equal(line(captured.ARP_REPLY), 'arp 10.0.2.2 is at 52:55:0a:00:02:02')
  assert.equal(line(captured.ICMP_ECHO), '10.0.2.100 > 10.0.2.2 icmp echo id 6609 seq 1 len 24')
  assert.equal(line(captured.ICMP_PORT_UNREACHABLE), '10.0.2.2 > 10.0.2.100 icmp unreachable code 3 len 43')
  assert.equal(line(captured.UDP), '10.0.2.100:34913 > 10.0.2.2:9999 udp len 7')
  assert.equal(
    line(captured.TCP_SYN),
    '10.0.2.100:58138 > 10.0.2.2:80 tcp S seq 4104995997 ack 0 win 64240 len 0 <mss 1460, sack, ts 4240777424 0, ws 10>',
  )
  assert.equal(
    line(captured.TCP_PSH),
    '10.0.2.100:58138 > 10.0.2.2:80 tcp P. seq 4104995998 ack 711036169 win 63 len 18 <ts 4240777424 2137492608>',
  )
  assert.equal(line(captured.IPV6_NEIGHBOR_SOLICITATION), ':: > ff02::1:ff00:202 icmp6 who has fe80::5055:aff:fe00:202, from nobody')
  assert.equal(vnetLine(captured.VNET_UDP_SUPER), '10.0.2.100:40000 > 10.0.2.2:9999 udp len 20 [csum 34+6, gso 5 of 8]')
})

test('every captured IPv6 frame', () => {
  const guest = 'fd00::48ad:beff:feef:1064'
  const linkLocal = 'fe80::48ad:beff:feef:1064'
  const router = 'fe80::5055:aff:fe00:202'
  for (const [hex, expected] of [
    [captured6.ECHO6, `${guest} > fd00::2 icmp6 echo id 39 seq 1 len 24`],
    [captured6.ECHO_REPLY6, `fd00::2 > ${guest} icmp6 echo reply id 39 seq 1 len 24`],
    [captured6.UDP6, `[${guest}]:52833 > [fd00::2]:9999 udp len 7`],
    [captured6.UDP6_BEHIND_OPTIONS, `[${guest}]:54593 > [fd00::2]:9999 udp len 7`],
    [captured6.UDP6_UNKNOWN_OPTION, `${guest} > fd00::2 ipv6 problem code 2 at 42 len 15`],
    [captured6.UNKNOWN_PROTOCOL6, `${guest} > fd00::2 protocol 200 len 8`],
    [captured6.PORT_UNREACHABLE6, `fd00::2 > ${guest} icmp6 unreachable code 4 len 63`],
    [captured6.OPTION_PROBLEM6, `fd00::2 > ${guest} icmp6 parameter problem code 2 at 42 len 71`],
    [captured6.TIME_EXCEEDED6, 'fd00::2 > fd00::100 icmp6 time exceeded code 0 len 80'],
    [captured6.PACKET_TOO_BIG6, 'fd00::2 > fd00::100 icmp6 packet too big mtu 1280 len 1240'],
    [captured6.FIRST_FRAGMENT6, `${guest} > fd00::2 protocol 58 fragment 711945361 at 0+ len 1448`],
    [captured6.LAST_FRAGMENT6, `${guest} > fd00::2 protocol 58 fragment 711945361 at 2896 len 112`],
    [captured6.MULTICAST_REPORT, `${router} > ff02::16 icmp6 type 143 code 0 len 48`],
    [captured6.ROUTER_SOLICITATION6, `${linkLocal} > ff02::2 icmp6 router solicitation, from 4a:ad:be:ef:10:64`],
    [
      captured6.ROUTER_ADVERTISEMENT6,
      `${router} > ${linkLocal} icmp6 router advertisement, from 52:55:0a:00:02:02, lifetime 1800, mtu 1500, prefix fd00::/64, dns fd00::3, dns fd00::4`,
    ],
    [captured6.DAD6, `:: > ff02::1:ffef:1064 icmp6 who has ${linkLocal}, from nobody`],
    [captured6.NEIGHBOR_SOLICITATION6, `${guest} > ff02::1:ff00:2 icmp6 who has fd00::2, from 4a:ad:be:ef:10:64`],
    [captured6.NEIGHBOR_ADVERTISEMENT6, `fd00::2 > ${guest} icmp6 fd00::2 is at 52:55:0a:00:02:02 (router, solicited, override)`],
  ] as const) {
    assert.equal(line(hex), expected)
  }
  // Hop limit 254: it came through a router.
  const passed = captured6.NEIGHBOR_SOLICITATION6.replace('3aff', '3afe')
  assert.equal(line(passed), `${guest} > ff02::1:ff00:2 icmp6 neighbor solicitation: not valid`)
})

/** An Ethernet frame around a datagram of either family, without checksums. */
function datagram(type: string, header: string, from: number, to: number, body: string): string {
  const length = (8 + captured.bytes(body).length).toString(16).padStart(4, '0')
  const ports = [from, to].map((port) => port.toString(16).padStart(4, '0')).join('')
  return `ffffffffffff4aadbeef1064${type} ${header} ${ports}${length}0000 ${body}`
}

test('DHCP messages are told by name', () => {
  const over4 = (from: number, to: number, body: string): string => {
    const total = (28 + captured.bytes(body).length).toString(16).padStart(4, '0')
    return line(datagram('0800', `4500${total}0000000040110000 00000000 ffffffff`, from, to, body)).replace(' (bad ip checksum)', '')
  }
  assert.equal(over4(68, 67, dhcp.UDHCPC_DISCOVER), '0.0.0.0:68 > 255.255.255.255:67 udp len 300 dhcp discover')
  assert.equal(over4(67, 68, dhcp.OFFER_TO_UDHCPC), '0.0.0.0:67 > 255.255.255.255:68 udp len 309 dhcp offer 10.0.2.43')
  assert.equal(over4(68, 67, '01'), '0.0.0.0:68 > 255.255.255.255:67 udp len 1 dhcp malformed')
  assert.equal(over4(68, 69, '01'), '0.0.0.0:68 > 255.255.255.255:69 udp len 1')
  const over6 = (from: number, to: number, body: string): string => {
    const length = (8 + captured.bytes(body).length).toString(16).padStart(4, '0')
    return line(datagram('86dd', `60000000${length}1101 ${'00'.repeat(15)}01 ff020000000000000000000000010002`, from, to, body))
  }
  assert.equal(over6(546, 547, dhcp.DHCLIENT_INFORMATION_REQUEST), '[::1]:546 > [ff02::1:2]:547 udp len 36 dhcp6 information-request')
  assert.equal(over6(547, 546, dhcp.REPLY_TO_DHCLIENT), '[::1]:547 > [ff02::1:2]:546 udp len 115 dhcp6 reply')
  assert.equal(over6(546, 547, '0c'), '[::1]:546 > [ff02::1:2]:547 udp len 1 dhcp6 malformed')
})

test('fragments and wrong checksums are told', () => {
  const view = captured.frame(captured.UDP)
  view.setUint16(captured.JUNK + 14 + 6, 0x2001)
  assert.equal(
    describe(view, captured.JUNK, view.byteLength - captured.JUNK),
    '10.0.2.100 > 10.0.2.2 protocol 17 fragment 2979 at 8+ len 15 (bad ip checksum)',
  )
})

test('no truncation and no wrong byte throws', () => {
  const four = [captured.ARP_REPLY, captured.ICMP_PORT_UNREACHABLE, captured.UDP, captured.TCP_SYN, captured.VNET_UDP_SUPER]
  for (const hex of [...four, ...Object.values(captured6)]) {
    const content = captured.bytes(hex)
    for (let length = 0; length <= content.length; length++) {
      describe(captured.viewOf(content.subarray(0, length)), captured.JUNK, length)
      describeVnet(captured.viewOf(content.subarray(0, length)), captured.JUNK, length)
    }
    fc.assert(
      fc.property(fc.nat({ max: content.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const wrong = content.slice()
        wrong[at] = value
        assert.equal(describe(captured.viewOf(wrong), captured.JUNK, wrong.length).includes('\n'), false)
      }),
    )
  }
})
