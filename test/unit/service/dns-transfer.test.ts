import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer, RecordType } from 'dns-packet'
import { TransferProgress } from '../../../src/service/dns-transfer.js'
import { a, answerTo, query } from './dns-messages.js'

const soa = (serial: number): Answer => ({
  type: 'SOA',
  name: 'example',
  ttl: 60,
  data: { mname: 'ns.example', rname: 'root.example', serial, refresh: 2, retry: 3, expire: 4, minimum: 5 },
})

/** What is said of messages with these records. */
function read(type: string, ...messages: readonly (readonly Answer[])[]): (boolean | null)[] {
  const asked = query('example', type as RecordType)
  const progress = new TransferProgress()
  return messages.map((records, i) => progress.read(answerTo(asked, records, i === 0 ? {} : { questions: [] })))
}

test('a whole zone ends with the SOA that it began with', () => {
  assert.deepEqual(read('AXFR', [soa(7), a('x'), soa(7)]), [true])
  assert.deepEqual(read('AXFR', [soa(7)], [a('x')], [a('y')], [soa(7)]), [false, false, false, true])
  assert.deepEqual(read('IXFR', [soa(7), a('x')], [a('y'), soa(7)]), [false, true])
})

test('an incremental one with the first serial number behind its last step', () => {
  const steps = [[soa(7), soa(5)], [a('x'), soa(6), a('y'), soa(6), a('y')], [soa(7)], [a('z')], [soa(7)]] as const
  assert.deepEqual(read('IXFR', ...steps), [false, false, false, false, true])
})

test('one SOA for IXFR: nothing newer', () => {
  assert.deepEqual(read('IXFR', [soa(7)]), [true])
})

test('an error or an empty answer ends it, anything else is none', () => {
  const asked = query('example', 'AXFR')
  assert.equal(new TransferProgress().read(answerTo(asked, [], { flags: 0x8185 })), true)
  assert.deepEqual(read('AXFR', []), [true])
  assert.deepEqual(read('AXFR', [a('x')]), [null])
  assert.equal(new TransferProgress().read(answerTo(asked, [soa(1)]).subarray(0, -1)), null)
})
