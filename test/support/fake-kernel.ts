// The host's kernel as far as the stack sees it: the addon's calls over a model of its sockets, with time that only moves when
// told. What matters is modelled as Linux does it (tcp_poll, tcp_sendmsg, tcp_recvmsg), above all when an edge-triggered epoll
// speaks and when it stays silent:
//
//     readable    each arrival of bytes, an end or an error is an edge
//     writable    is an edge only after somebody found the socket full (SOCK_NOSPACE: a short send, or a poll that said no)
//                 and then only once a third of its buffer is free
//
// A test plays the far end of each socket (`FakeTcp`), and the TAP's (`frames`, `onFrame`). The calls are in fake-epoll.ts, fake-tcp-calls.ts and
// fake-datagram-calls.ts, each of which goes on where the one before ends.
import assert from 'node:assert/strict'
import type { NativeContext } from '../../src/host/native.js'
import { FakeDatagramCalls } from './fake-datagram-calls.js'
import { FakeTcp } from './fake-tcp.js'

/** The whole of it: with what is done to sockets of any kind. */
export class FakeKernel extends FakeDatagramCalls {
  /** As the addon: the calls that the stack makes are here, and no others. */
  get native(): NativeContext {
    return this as unknown as NativeContext
  }

  closeDescriptor(descriptor: number): number {
    const d = this.open.get(descriptor)
    assert.ok(d !== undefined, `descriptor ${descriptor} was closed twice`)
    this.open.delete(descriptor)
    d.isRegistered = false
    if (d instanceof FakeTcp) {
      d.isClosed = true
      // tcp(7): closing with unread bytes, or before the connect has ended, is a reset; else the other end is told of the end.
      if (d.arrived > d.front) d.wasReset = true
      else d.isShut = true
    }
    return 0
  }
}
