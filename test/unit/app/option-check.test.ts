// Options as JavaScript lets them be written: what is not known, and what is of another type, is refused before anything is opened.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNetwork } from '../../../src/app/network.js'
import type { NetworkOptions } from '../../../src/app/options.js'
import type { PublishOptions } from '../../../src/app/publish-spec.js'
import type { HardenOptions, RunOptions } from '../../../src/app/types.js'

const BAD: readonly (readonly [unknown, RegExp])[] = [
  [{ hostLoopbak: false }, /^there is no option 'hostLoopbak' of a network; did you mean hostLoopback\?$/],
  [{ hostLoopback: 'no' }, /^the option hostLoopback of a network is the string 'no'; give it a value of the type boolean$/],
  [{ hostLoopback: null }, /hostLoopback of a network is null/],
  [{ hostLoopback: 0 }, /hostLoopback of a network is the number 0/],
  [{ host: 'false' }, /the option host of a network is the string 'false'/],
  [{ mtu: '1500' }, /mtu of a network is the string '1500'; give it a value of the type number/],
  [{ disableDns: true }, /there is no option 'disableDns' of a network/],
  [{ constructor: 1 }, /there is no option 'constructor' of a network/],
  [{ ['__proto__x']: 1 }, /there is no option/],
  [{ publishAuto: 'yes' }, /of the type boolean or object/],
  [{ cidr: ['10.0.0.0/24'] }, /cidr of a network is of the type object/],
  ['fast', /the options of a network are the string 'fast'; give an object/],
  [null, /the options of a network are null/],
]
for (const [options, message] of BAD) {
  test(`a network with ${JSON.stringify(options)} is refused`, async () => {
    await assert.rejects(createNetwork(options as NetworkOptions), { code: 'ERR_OPTION', exitCode: 2, message })
  })
}

test('what is undefined counts as left out', async () => {
  const options = { hostLoopback: undefined, mtu: undefined, control: false, warmUp: false } as unknown as NetworkOptions
  await using network = await createNetwork(options)
  assert.equal(network.mtu, 1500)
})

test('so are options of what a network does', async () => {
  await using network = await createNetwork({ control: false, warmUp: false })
  const refused = (message: RegExp) => ({ code: 'ERR_OPTION', exitCode: 2, message })
  await assert.rejects(network.run(['true'], { mapCurentUser: true } as RunOptions), refused(/did you mean mapCurrentUser\?/))
  await assert.rejects(network.run(['true'], { harden: { sandbox: 'yes' } } as unknown as RunOptions), refused(/sandbox of harden\(\)/))
  await assert.rejects(network.harden({ secomp: false } as HardenOptions), refused(/did you mean seccomp\?/))
  assert.throws(() => network.publish({ hostport: 80, guestPort: 80 } as PublishOptions), refused(/did you mean hostPort\?/))
  assert.throws(
    () => network.publish({ guestPort: '80' } as unknown as PublishOptions),
    refused(/guestPort of publish\(\) is the string '80'/),
  )
  assert.equal(network.published.length, 0)
})
