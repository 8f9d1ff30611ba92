import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costs } from '../../../bench/support/perf.js'

/** A sample as perf script prints it: the innermost function first. */
const sample = (thread: number, ...frames: readonly string[]): string =>
  [`node    70/${thread}    `, ...frames.map((frame) => `\t${frame}`)].join('\n')

const SEND = sample(
  70,
  'ffffffff81a00000 tcp_v4_rcv+0x10 ([kernel.kallsyms])',
  'ffffffff81a00010 tcp_sendmsg_locked ([kernel.kallsyms])',
  'ffffffff81a00020 __x64_sys_sendto ([kernel.kallsyms])',
  'ffffffff81a00030 do_syscall_64 ([kernel.kallsyms])',
  '    7f0000001000 __send (/usr/lib/libc.so.6)',
)
const WRITE = sample(
  70,
  'ffffffff81a00000 tcp_v4_rcv ([kernel.kallsyms])',
  'ffffffffc0000000 tun_get_user ([tun])',
  'ffffffff81a00040 vfs_write ([kernel.kallsyms])',
)
const SCRIPT = sample(70, '    7f0000002000 JS:*receive /tmp/dist/bin/main.cjs:12:3 (/tmp/perf-70.map)')
const COMPILER = sample(71, '          900000 v8::internal::compiler::GraphReducer::Reduce() (/usr/bin/node)')

test('a system call is named by what it is about, whatever the kernel does within it', () => {
  const [send, write] = costs([SEND, SEND, WRITE].join('\n\n'), 10)
  assert.deepEqual(send, { name: 'sendto (TCP)', share: 2 / 3, mostly: [{ name: 'tcp_v4_rcv', share: 2 / 3 }] })
  assert.equal(write?.name, 'write (TAP)')
})

test('what is no system call is named by whose code it is', () => {
  const found = costs([SCRIPT, COMPILER].join('\n\n'), 10)
  assert.deepEqual(
    found.map(({ name, mostly }) => [name, mostly[0]?.name]),
    [
      ['JavaScript', 'receive main.cjs:12:3'],
      ["V8's other threads (compiler, garbage)", 'GraphReducer::Reduce()'],
    ],
  )
})

test('only as many costs are listed as were asked for, the largest first', () => {
  assert.deepEqual(
    costs([SCRIPT, SEND, SEND, ''].join('\n\n'), 1).map(({ name }) => name),
    ['sendto (TCP)'],
  )
})
