/*
 * Where a zone transfer ends: RFC 5936, 2.2 (AXFR); RFC 1995, 4 (IXFR). It may be many messages, which nothing counts but its records.
 *
 *     whole           SOA new, record, record, ... , SOA new
 *     incremental     SOA new, (SOA older, removed ..., SOA newer, added ...) once or more, SOA new
 *     nothing newer   SOA
 *
 * The last record is the second, fourth, sixth ... SOA, with the first one's serial number. (The SOA in front of what the last step
 * added has that number as well; it is an odd one.)
 */

import * as dns from './dns-message.js'

/** RFC 1035, 3.3.13: serial number, and the four numbers behind it. */
const SOA_NUMBERS = 20

export class TransferProgress {
  #serial = -1
  #soas = 0

  /** The next message of the transfer: whether it is the last, null when it cannot be one. */
  read(message: Buffer): boolean | null {
    // RFC 5936, 2.2.1: only the first message has to repeat the question.
    const question = dns.readQuestion(message)
    const end = question?.end ?? dns.HEADER_LENGTH
    const records = dns.readRecords(message, { end })
    if (records === null) return null
    if (dns.rcode(message) !== dns.NOERROR) return true
    const answers = records.filter((record) => record.section === 'answer')
    let isLast = false
    for (const [i, record] of answers.entries()) {
      if (record.type !== dns.TYPE_SOA || record.end - record.dataAt < SOA_NUMBERS) {
        if (this.#soas === 0) return null
        isLast = false
        continue
      }
      const serial = message.readUInt32BE(record.end - SOA_NUMBERS)
      if (this.#soas++ === 0) {
        this.#serial = serial
        isLast = i === answers.length - 1 && question?.type === dns.TYPE_IXFR
      } else isLast = (this.#soas & 1) === 0 && serial === this.#serial
    }
    return isLast || this.#soas === 0
  }
}
