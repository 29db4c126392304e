/** Says that this node is there, retained, and hears which master is: one that is new wants everything reported. */
import type { MasterPresence, NodePresence } from '../../contract/wire/fleet.ts'
import { maxPacketBytes } from '../../contract/wire/limits.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import { type BadMessages, decodeJson } from '../../kit/bus/bad-messages.ts'
import type { Bus } from '../../kit/bus/bus.ts'

export interface NodePresenceParts {
  bus: Bus
  topics: Topics
  nodeName: string
  session: string
  badMessages: BadMessages
  /** Whether pods are to be replaced at once when this agent ends. */
  isSystemStopping: () => Promise<boolean>
  onReportWanted: () => void
  /** The time that the master said, now or, retained, some time ago. */
  onMasterTime: (time: string, isFresh: boolean) => void
}

export class NodePresenceSpeaker {
  #parts: NodePresenceParts
  #undo: Array<() => void> = []
  /** Of the master that was heard last. */
  #instance = ''

  constructor(parts: NodePresenceParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const { bus, topics, session, badMessages, onReportWanted, onMasterTime } = this.#parts
    this.#undo.push(
      bus.onConnect(() => {
        // A connection that breaks in this moment begins anew, and so does this.
        void this.#say({ online: true, session }).catch(() => undefined)
        onReportWanted()
      }),
      await bus.subscribe(topics.masterPresence, message =>
        badMessages.guard('master presence', message, () => {
          const { instance, time } = decodeJson(message, maxPacketBytes) as MasterPresence
          if (typeof time === 'string') onMasterTime(time, !message.retained)
          if (instance !== this.#instance) onReportWanted()
          this.#instance = instance
        }),
      ),
    )
  }

  async stop(): Promise<void> {
    const { bus, session, isSystemStopping } = this.#parts
    for (const undo of this.#undo.splice(0)) undo()
    if (!bus.connected) return
    const goodbye: NodePresence = { online: false, session, ...((await isSystemStopping()) && { reason: 'shutdown' }) }
    // Too late to be heard: the Will or the lease will tell.
    await this.#say(goodbye).catch(() => undefined)
  }

  #say(presence: NodePresence): Promise<void> {
    const { bus, topics, nodeName } = this.#parts
    return bus.publish(topics.nodePresence(nodeName), JSON.stringify(presence), { retain: true })
  }
}
