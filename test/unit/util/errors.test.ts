import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { errnoName, NetloomError } from '../../../src/util/errors.js'

test('names errno values of either sign', () => {
  assert.equal(errnoName(constants.errno.ECONNREFUSED), 'ECONNREFUSED')
  assert.equal(errnoName(-constants.errno.ENETUNREACH), 'ENETUNREACH')
  assert.equal(errnoName(constants.errno.EAGAIN), 'EAGAIN')
  assert.equal(errnoName(constants.errno.EOPNOTSUPP), 'EOPNOTSUPP')
  assert.equal(errnoName(100_000), 'errno 100000')
})

test('one line: what was wrong, and the remedy', () => {
  const error = new NetloomError('EBADMTU', 'the MTU 80 is not between 576 and 65520', 'leave --mtu out for 1500', 2)
  assert.equal(error.message, 'the MTU 80 is not between 576 and 65520; leave --mtu out for 1500')
  assert.equal(error.code, 'EBADMTU')
  assert.equal(error.hint, 'leave --mtu out for 1500')
  assert.equal(error.exitCode, 2)
  assert.equal(error.name, 'NetloomError')
  assert.ok(error instanceof Error)
})

test('without a remedy, with a cause', () => {
  const cause = new Error('below')
  const error = new NetloomError('ECLOSED', 'the network is closed', '', 1, cause)
  assert.equal(error.message, 'the network is closed')
  assert.equal(error.hint, '')
  assert.equal(error.cause, cause)
  assert.equal('cause' in new NetloomError('ECLOSED', 'the network is closed'), false)
})

test('a system call is named with its error', () => {
  const error = NetloomError.system('epoll_ctl', -constants.errno.ENOSPC, 'raise fs.epoll.max_user_watches')
  assert.equal(error.message, 'epoll_ctl: ENOSPC; raise fs.epoll.max_user_watches')
  assert.equal(error.code, 'ENOSPC')
  assert.equal(error.exitCode, 1)
})
