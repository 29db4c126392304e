/** What we use of `dns-packet`, which brings no types. */
declare module 'dns-packet' {
  export interface Question {
    name: string
    type: string
    class?: string
  }

  export interface Answer {
    name: string
    type: string
    ttl?: number
    class?: string
    /** The reader forgets what it had under this name (RFC 6762, 10.2). */
    flush?: boolean
    data: unknown
  }

  export interface Packet {
    id?: number
    type?: 'query' | 'response'
    flags?: number
    questions?: Question[]
    answers?: Answer[]
    additionals?: Answer[]
  }

  export function encode(packet: Packet): Buffer
  /** Throws on bytes that are no message. */
  export function decode(bytes: Buffer): Packet
  export const AUTHORITATIVE_ANSWER: number
}
