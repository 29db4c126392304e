/** The API's door on a bus of the test's own, and what it needs to ask nodes. */
import type { ExecutionContext } from 'ava'
import { topicsOf } from '../../../contract/wire/topics.ts'
import { BadMessages } from '../../../kit/bus/bad-messages.ts'
import type { Bus } from '../../../kit/bus/bus.ts'
import { Requester } from '../../../kit/bus/request.ts'
import { type Clock, systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { systemRandom } from '../../../kit/random.ts'
import type { Api } from '../../../master/api/api.ts'
import { MqttDoor } from '../../../master/api/mqtt-door.ts'

export interface DoorOptions {
  api: Api
  bus: Bus
  clock?: Clock
  maxWatches?: number
  maxRequests?: number
  maxRelays?: number
}

export interface OpenDoor {
  /** By kind of message. */
  counts(): Record<string, number>
  stop(): Promise<void>
}

export const topics = topicsOf('home')

/** Stops with the test, and closes its bus. */
export async function openDoor(t: ExecutionContext, options: DoorOptions): Promise<OpenDoor> {
  const { bus, clock = systemClock } = options
  const badMessages = new BadMessages(silentLog)
  const parts = { topics, clock, random: systemRandom, log: silentLog, badMessages }
  const requester = new Requester({ ...parts, bus, repliesTopic: topics.nodeReplies('+') })
  const door = new MqttDoor({ ...parts, requester, ...options })
  await requester.start()
  await door.start()
  t.teardown(async () => {
    await door.stop()
    await requester.stop()
    await bus.close()
  })
  return { counts: () => badMessages.counts(), stop: () => door.stop() }
}
