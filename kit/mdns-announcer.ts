/** Tells the local networks that a service is here, and answers who asks for it. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { type Cancel, type Clock, sleep } from './clock.ts'
import { messageOf } from './errors.ts'
import { interfaceTowards, type LanInterface, lanInterfaces } from './lan-interfaces.ts'
import type { Log } from './log.ts'
import { Loop } from './loop.ts'
import { mdnsGroup, mdnsPort, readQuestion, renderAnswer, type Service } from './mdns.ts'

export interface AnnouncerOptions {
  /** Asked anew for each message: a port or a name may not be known from the start. */
  service: () => Service
  clock: Clock
  log: Log
  interfaces?: () => LanInterface[]
  /** Between two looks for interfaces that are new. */
  lookEveryMs?: number
}

/** Cables are plugged and addresses change; nobody tells us. */
const lookEveryMs = 15_000
/** RFC 6762, 8.3: said twice, a second apart. RFC 6762, 6: and no record more often than that. */
const repeatMs = 1000
/** Answers in a second, all interfaces together: more askers are noise, or an attack on somebody else. */
const maxAnswersPerSecond = 20
/** Messages in a second that are read at all: each costs a board a millisecond, and a LAN of hundreds of chatty machines has fewer. */
const maxReadPerSecond = 200
/** Messages that wait for their turn at the socket. */
const maxWaiting = 40
/** Only the direct neighbours: a router sends none of these on. */
const mdnsTtl = 255

interface Outgoing {
  bytes: Buffer
  /** The address of the interface that it goes out by. */
  by: string
  /** Absent: to all. */
  to?: { address: string; port: number }
}

export class ServiceAnnouncer {
  #options: AnnouncerOptions
  #loop: Loop
  #socket: Socket | undefined
  #members = new Set<string>()
  #waiting: Outgoing[] = []
  #isSending = false
  #lastToAllMs = new Map<string, number>()
  #read = { sinceMs: Number.NEGATIVE_INFINITY, count: 0 }
  #answered = { sinceMs: Number.NEGATIVE_INFINITY, count: 0 }
  #repeats = new Set<Cancel>()
  #said = ''

  constructor(options: AnnouncerOptions) {
    const { clock, lookEveryMs: intervalMs = lookEveryMs } = options
    this.#options = options
    this.#loop = new Loop({
      clock,
      intervalMs,
      run: () => this.#look(),
      onError: error => this.#tell(messageOf(error)),
    })
  }

  start(): void {
    this.#loop.start()
  }

  /** Says goodbye first. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    for (const cancel of this.#repeats) cancel()
    if (!this.#socket) return
    for (const { address } of this.#known()) this.#sayToAll(address, { goodbye: true })
    await this.#untilSent()
    this.#close()
  }

  /** Opens the socket where there is a network, and joins the group on each interface that is new. */
  async #look(): Promise<void> {
    const interfaces = this.#interfaces()
    if (interfaces.length > 0) this.#socket ??= await this.#open()
    const present = new Set(interfaces.map(({ address }) => address))
    // The kernel has forgotten the membership with the address.
    for (const address of this.#members) if (!present.has(address)) this.#members.delete(address)
    for (const { address, name } of interfaces) {
      if (this.#members.has(address) || !this.#join(address, name)) continue
      this.#members.add(address)
      this.#sayToAll(address)
      const cancel = this.#options.clock.after(repeatMs, () => {
        this.#repeats.delete(cancel)
        this.#sayToAll(address)
      })
      this.#repeats.add(cancel)
    }
  }

  #open(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      // Others of this machine answer on the same port for their own names (avahi, systemd-resolved).
      const socket = createSocket({ type: 'udp4', reuseAddr: true })
      const fail = (error: Error): void => {
        // Not bound, and open all the same: it would be one more at each look.
        socket.close()
        reject(error)
      }
      socket.once('error', fail)
      socket.bind(mdnsPort, () => {
        socket.off('error', fail)
        socket.on('error', error => this.#failed(error))
        socket.on('message', (bytes, from) => this.#asked(bytes, from))
        socket.setMulticastTTL(mdnsTtl)
        resolve(socket)
      })
    })
  }

  #join(address: string, name: string): boolean {
    try {
      this.#socket?.addMembership(mdnsGroup, address)
      return this.#socket !== undefined
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return true
      this.#tell(`${name}: ${messageOf(error)}`)
      return false
    }
  }

  #asked(bytes: Buffer, { address, port }: RemoteInfo): void {
    // RFC 6762, 11: whoever is not a neighbour gets no answer, whatever port of ours he has reached.
    const by = interfaceTowards(address, this.#known())
    if (!by || !this.#isWithin(this.#read, maxReadPerSecond)) return
    const service = this.#options.service()
    const question = readQuestion(bytes, service)
    if (!question?.isForUs || question.isKnown) return
    if (!this.#isWithin(this.#answered, maxAnswersPerSecond)) return
    if (port === mdnsPort) return this.#sayToAll(by.address)
    // A one-shot question, answered to who asked alone (RFC 6762, 6.7).
    const answer = renderAnswer(service, by.address, { id: question.id, question: `${service.type}.local` })
    this.#send({ bytes: answer, by: by.address, to: { address, port } })
  }

  #isWithin(second: { sinceMs: number; count: number }, limit: number): boolean {
    const nowMs = this.#options.clock.monotonic()
    if (nowMs - second.sinceMs > 1000) Object.assign(second, { sinceMs: nowMs, count: 0 })
    return ++second.count <= limit
  }

  #sayToAll(address: string, options: { goodbye?: boolean } = {}): void {
    const nowMs = this.#options.clock.monotonic()
    if (!options.goodbye && nowMs - (this.#lastToAllMs.get(address) ?? Number.NEGATIVE_INFINITY) < repeatMs) return
    this.#lastToAllMs.set(address, nowMs)
    this.#send({ bytes: renderAnswer(this.#options.service(), address, options), by: address })
  }

  #send(message: Outgoing): void {
    if (this.#waiting.length >= maxWaiting) return
    this.#waiting.push(message)
    if (!this.#isSending) void this.#drain()
  }

  /** One at a time: which interface it goes out by is the socket's, and not the message's. */
  async #drain(): Promise<void> {
    this.#isSending = true
    for (let message = this.#waiting.shift(); message; message = this.#waiting.shift()) await this.#sendNow(message)
    this.#isSending = false
  }

  #sendNow({ bytes, by, to = { address: mdnsGroup, port: mdnsPort } }: Outgoing): Promise<void> {
    return new Promise(resolve => {
      const socket = this.#socket
      if (!socket) return resolve()
      try {
        socket.setMulticastInterface(by)
        // An interface that has just gone takes nothing. The next look finds that out.
        socket.send(bytes, to.port, to.address, () => resolve())
      } catch {
        resolve()
      }
    })
  }

  /** Half a second at most: nobody waits longer for a goodbye. */
  async #untilSent(): Promise<void> {
    for (let turn = 0; turn < 50 && this.#isSending; turn++) await sleep(this.#options.clock, 10)
  }

  #failed(error: Error): void {
    this.#tell(messageOf(error))
    this.#close()
  }

  #close(): void {
    this.#socket?.close()
    this.#socket = undefined
    this.#members.clear()
  }

  #known(): LanInterface[] {
    return this.#interfaces().filter(({ address }) => this.#members.has(address))
  }

  #interfaces(): LanInterface[] {
    return (this.#options.interfaces ?? lanInterfaces)()
  }

  #tell(reason: string): void {
    if (reason === this.#said) return
    this.#said = reason
    this.#options.log.warn('others do not find this service by mDNS just now', { reason })
  }
}
