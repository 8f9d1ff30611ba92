/*
 * A context to try things on: its memory as typed arrays, and descriptors that can be awaited. It is closed with the test.
 */

import { createContext, type NativeContext } from '../../../src/host/native.js'

export const EPOLLIN = 0x001
export const EPOLLOUT = 0x004
export const EPOLLERR = 0x008
export const EPOLLHUP = 0x010
export const EPOLLRDHUP = 0x2000
export const EPOLLET = 1 << 31

/** errno(3), as far as the tests name them. */
export const EIO = 5
export const EBADF = 9
export const EAGAIN = 11
export const EFAULT = 14
export const EBUSY = 16
export const EINVAL = 22
export const EMFILE = 24
export const EBADFD = 77
export const EMSGSIZE = 90
export const ENOBUFS = 105
export const EISCONN = 106
export const ECONNREFUSED = 111

/** 127.0.0.1 and ::1 in words. */
export const LOCALHOST = [0, 0, 0xffff, 0x7f000001] as const
export const LOCALHOST6 = [0, 0, 0, 1] as const

/** What of a test's context is used: a child that imports this has none of its own. */
interface Test {
  after(action: () => void): void
}

export interface Bench {
  readonly native: NativeContext
  readonly words: Int32Array
  readonly bytes: Uint8Array
  /** Runs when the test ends, however it ends. */
  after(action: () => void): void
  /** Resolves with the events once one of them is there. */
  ready(descriptor: number, events: number): Promise<number>
  /** Writes text into the arena, returns its length. */
  put(at: number, text: string): number
  text(at: number, length: number): string
}

export function makeBench(t: Test, arenaBytes = 1 << 20): Bench {
  const native = createContext(arenaBytes)
  const words = new Int32Array(native.scratch)
  const bytes = new Uint8Array(native.arena)
  const waiting = new Map<number, (events: number) => void>()
  native.start(() => {
    const batch = Array.from(words.subarray(0, 2 * native.epollWait(64, 0)))
    for (let i = 0; i < batch.length; i += 2) {
      const descriptor = batch[i]!
      native.epollDelete(descriptor)
      waiting.get(descriptor)?.(batch[i + 1]!)
      waiting.delete(descriptor)
    }
  })
  t.after(() => {
    native.close()
  })
  return {
    native,
    words,
    bytes,
    after: (action) => t.after(action),
    ready: (descriptor, events) =>
      new Promise((resolve, reject) => {
        waiting.set(descriptor, resolve)
        const status = native.epollAdd(descriptor, descriptor, events)
        if (status < 0) reject(new Error(`epoll_ctl: ${status}`))
      }),
    put: (at, text) => {
      const encoded = new TextEncoder().encode(text)
      bytes.set(encoded, at)
      return encoded.length
    },
    text: (at, length) => new TextDecoder().decode(bytes.subarray(at, at + length)),
  }
}
