/** A program of the tests: connects as the node of a data directory, and says what year it believes it is, and how it went. */
import { loadIdentity } from '../../../agent/identity/identity.ts'
import { linkToMaster } from '../../../agent/identity/link.ts'
import { waitConnected } from '../../../kit/bus/mqtt-bus.ts'
import { systemClock as clock } from '../../../kit/clock.ts'
import { messageOf } from '../../../kit/errors.ts'
import { silentLog as log } from '../../../kit/log.ts'
import { systemRandom as random } from '../../../kit/random.ts'

const identity = await loadIdentity({ dataDirectory: process.argv[2] ?? '', clock, log })
if (!identity) throw new Error('the board has not joined')
const { bus } = linkToMaster({ identity, keepaliveSeconds: 10, clock, random, log })
const outcome = await waitConnected(bus, 10_000).then(() => 'connected', messageOf)
process.stdout.write(`${new Date(clock.now()).getUTCFullYear()} ${outcome}`)
await bus.close()
