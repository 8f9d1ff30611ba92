// Where a request of slirp4netns' API ends, and what its clients may do to the socket that it comes over. What each request is answered with is in
// test/e2e/slirp4netns-api.test.ts.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { SlirpApi } from '../../../src/app/slirp-api.js'
import { requestLength } from '../../../src/app/slirp-request.js'
import type { Network } from '../../../src/app/types.js'

const NETWORK = {} as Network
const LIST = '{"execute":"list_hostfwd"}'
const EMPTY = '{"return":{"entries":[]},"entries":[]}'
const UNPARSED = '{"error":{"desc":"bad request: cannot parse JSON"}}'

test('an object ends where it ends, whatever is in it or comes after it; no part of it does', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (value, rest) => {
      const text = JSON.stringify(value)
      assert.equal(requestLength(text + rest), text.length)
      for (let i = 0; i < text.length; i++) assert.equal(requestLength(text.slice(0, i)), -1)
    }),
  )
})

test('what is neither object, list nor text ends with what has come of it', () => {
  for (const text of ['12', ' true', 'foo']) assert.equal(requestLength(text), text.length)
  assert.equal(requestLength('"a\\"b" c'), '"a\\"b"'.length)
  for (const text of ['', ' \n', '"a\\"', '[{}']) assert.equal(requestLength(text), -1)
  assert.equal(requestLength(' ]x'), 2)
})

/** Sends `text`, and waits for the end. */
async function ask(path: string, text: string): Promise<string> {
  const socket = connect(path)
  let reply = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    reply += chunk
  })
  if (text !== '') socket.write(text)
  await once(socket, 'end')
  return reply
}

test('who says nothing is cut off, who stops in the middle is told so', async () => {
  const path = join(tmpdir(), `netloom-slirp-${process.pid}.sock`)
  const api = new SlirpApi(NETWORK, { path }, { limit: 50 })
  assert.equal(await ask(path, ''), '')
  assert.equal(await ask(path, '{"execute":'), UNPARSED)
  assert.equal(await ask(path, LIST), EMPTY)
  api.close()
})
