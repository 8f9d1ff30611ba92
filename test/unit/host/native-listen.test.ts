/*
 * Connections that others make to a socket of ours.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { LOCALHOST, makeBench } from './native-bench.js'

const URGENT = `import socket, sys
c = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
c.send(b'1', socket.MSG_OOB)
c.sendall(b'text')
c.send(b'2', socket.MSG_OOB)`

test('urgent text that came before a connection was accepted is in its place', (t) => {
  const bench = makeBench(t)
  const { native, words } = bench
  const listener = native.tcpListen(...LOCALHOST, 0, 8, 0)
  execFileSync('python3', ['-c', URGENT, String(words[4])])
  const accepted = native.tcpAccept(listener)
  assert.equal(bench.text(0, native.tcpReceive(accepted, 0, 100)), '1text')
  assert.equal(bench.text(0, native.tcpReceive(accepted, 0, 100)), '2')
  for (const descriptor of [accepted, listener]) native.closeDescriptor(descriptor)
})
