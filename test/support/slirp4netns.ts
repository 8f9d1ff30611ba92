// The program that stands in for slirp4netns, for tests with those who call it.
import { join } from 'node:path'
import { world } from './world.js'

/** Names another program, so that the tests can be tried with slirp4netns itself. */
const PROGRAM_VARIABLE = 'NETLOOM_TEST_SLIRP4NETNS'

export const SLIRP4NETNS = process.env[PROGRAM_VARIABLE] ?? join(world.root, 'dist/bin/netloom-slirp4netns')
