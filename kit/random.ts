/** Randomness as a port, so that a failing run replays from its seed. */
import { randomBytes, randomUUID } from 'node:crypto'

export interface Random {
  /** 0 ≤ x < 1. */
  number(): number
  uuid(): string
  /** Lower-case letters and digits that form no words: the suffixes of Kubernetes' generated names. */
  suffix(length: number): string
}

/** apimachinery `rand.String`: no vowels, and no characters that look alike. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

export const systemRandom: Random = {
  number: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  uuid: () => randomUUID(),
  suffix: length => suffixFrom(() => randomBytes(6).readUIntBE(0, 6) / 2 ** 48, length),
}

/** For what nobody may guess (nonces, tokens): of the system's own source always, never from a seed. */
export function secretBytes(length: number): Buffer {
  return randomBytes(length)
}

/** Repeats the same sequence for the same seed (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const number = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const hex = (length: number): string => Array.from({ length }, () => Math.floor(number() * 16).toString(16)).join('')
  return {
    number,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
    suffix: length => suffixFrom(number, length),
  }
}

function suffixFrom(number: () => number, length: number): string {
  return Array.from({ length }, () => alphabet[Math.floor(number() * alphabet.length)]).join('')
}
