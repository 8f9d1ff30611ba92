import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describe, describeVnet } from '../../../src/wire/describe.js'
import * as captured from './captured.js'

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
  assert.equal(line(captured.IPV6_NEIGHBOR_SOLICITATION), '52:55:0a:00:02:02 > 33:33:ff:00:02:02 ipv6 len 72')
  assert.equal(vnetLine(captured.VNET_UDP_SUPER), '10.0.2.100:40000 > 10.0.2.2:9999 udp len 20 [csum 34+6, gso 5 of 8]')
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
  for (const hex of [captured.ARP_REPLY, captured.ICMP_PORT_UNREACHABLE, captured.UDP, captured.TCP_SYN, captured.VNET_UDP_SUPER]) {
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
