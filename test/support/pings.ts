// What ping(8) prints.
import assert from 'node:assert/strict'

/**
 * Every one of the first `count` echo requests was answered, once. With -w, which alone has it wait for the last answer, ping goes on sending
 * until it has had as many as it was told: on a busy machine it has sent more by then, and says that those are lost.
 */
export function expectEveryAnswer(printed: string, count: number): void {
  const answered = [...printed.matchAll(/bytes from .* icmp_seq=(\d+) /g)].map(([, number]) => Number(number))
  const wanted = Array.from({ length: count }, (_, i) => i + 1)
  assert.deepEqual(answered.sort((a, b) => a - b).slice(0, count), wanted, printed)
  assert.doesNotMatch(printed, /DUP|wrong data|truncated/)
}
