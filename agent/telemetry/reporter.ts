/** Tells the master what is, in few bytes: whole once per connection, then only what changed. */
import type { NodeStatus } from '../../contract/resources/node.ts'
import type { NodeUsage, PodReport, Report, ReportedEvent } from '../../contract/wire/fleet.ts'
import type { Bus } from '../../kit/bus/bus.ts'
import type { Cancel, Clock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'

export interface ReporterParts {
  bus: Bus
  topic: string
  session: string
  clock: Clock
  log: Log
}

/** Changes this close to each other share one message. */
const gatherMs = 20
/** After a report that could not be sent although the connection stands. */
const retryMs = 1000
/** Events wait here while the master is away; older ones give way. */
const maxEvents = 200

export class Reporter {
  #parts: ReporterParts
  #sequence = 0
  #node: NodeStatus | undefined
  #usage: NodeUsage | undefined
  #wish: { epoch: number; generation: number } | undefined
  #pods = new Map<string, { report: PodReport; text: string }>()
  #events: ReportedEvent[] = []
  /** What the next diff is to hold. */
  #changedPods = new Set<string>()
  #changed = { node: false, usage: false, wish: false }
  #fullNeeded = true
  #timer: Cancel | undefined
  #sending = false
  #stopped = false

  constructor(parts: ReporterParts) {
    this.#parts = parts
  }

  setNode(status: NodeStatus): void {
    if (JSON.stringify(status) === JSON.stringify(this.#node)) return
    this.#node = status
    this.#changed.node = true
    this.#schedule()
  }

  setUsage(usage: NodeUsage): void {
    this.#usage = usage
    this.#changed.usage = true
    this.#schedule()
  }

  setWish(wish: { epoch: number; generation: number }): void {
    this.#wish = wish
    this.#changed.wish = true
    this.#schedule()
  }

  setPod(uid: string, report: PodReport): void {
    const text = JSON.stringify(report)
    if (this.#pods.get(uid)?.text === text) return
    this.#pods.set(uid, { report, text })
    this.#changedPods.add(uid)
    this.#schedule()
  }

  /** Forgets pods that are neither wished nor on the board any more. */
  keepPods(isKnown: (uid: string) => boolean): void {
    for (const uid of this.#pods.keys()) {
      if (isKnown(uid)) continue
      this.#pods.delete(uid)
      this.#changedPods.delete(uid)
    }
  }

  addEvent(event: ReportedEvent): void {
    this.#events.push(event)
    if (this.#events.length > maxEvents) this.#events.shift()
    this.#schedule()
  }

  /** The next report holds everything: after a (re)connection, for a new master, or when asked. */
  sendFull(): void {
    this.#fullNeeded = true
    this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.()
  }

  #schedule(delayMs = gatherMs): void {
    if (this.#timer || this.#sending || this.#stopped) return
    this.#timer = this.#parts.clock.after(delayMs, () => {
      this.#timer = undefined
      void this.#send()
    })
  }

  async #send(): Promise<void> {
    // A report without the node's own status would register a board of unknown size.
    if (!this.#node || !this.#parts.bus.connected || !this.#hasNews()) return
    this.#sending = true
    const sent = await this.#publish(this.#takeReport())
    this.#sending = false
    if (this.#parts.bus.connected && this.#hasNews()) this.#schedule(sent ? gatherMs : retryMs)
  }

  async #publish(report: Report): Promise<boolean> {
    try {
      await this.#parts.bus.publish(this.#parts.topic, JSON.stringify(report))
      return true
    } catch (error) {
      // The connection went: what this report held is part of the full one that the next connection begins with.
      this.#fullNeeded = true
      this.#events = [...(report.events ?? []), ...this.#events].slice(-maxEvents)
      this.#parts.log.debug('report not sent', { error: messageOf(error) })
      return false
    }
  }

  #takeReport(): Report {
    const full = this.#fullNeeded
    const uids = full ? [...this.#pods.keys()] : [...this.#changedPods]
    const pods = uids.flatMap(uid => {
      const known = this.#pods.get(uid)
      return known ? [[uid, known.report] as const] : []
    })
    const report: Report = {
      session: this.#parts.session,
      sequence: ++this.#sequence,
      full,
      ...(this.#wish && (full || this.#changed.wish) ? { wish: this.#wish } : {}),
      ...(this.#node && (full || this.#changed.node) ? { node: this.#node } : {}),
      ...(this.#usage && (full || this.#changed.usage) ? { usage: this.#usage } : {}),
      ...(full || pods.length > 0 ? { pods: Object.fromEntries(pods) } : {}),
      ...(this.#events.length > 0 ? { events: this.#events.splice(0) } : {}),
    }
    this.#fullNeeded = false
    this.#changedPods.clear()
    this.#changed = { node: false, usage: false, wish: false }
    return report
  }

  #hasNews(): boolean {
    const { node, usage, wish } = this.#changed
    return this.#fullNeeded || node || usage || wish || this.#changedPods.size > 0 || this.#events.length > 0
  }
}
