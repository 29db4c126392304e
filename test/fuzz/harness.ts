/** Feeds a decoder: it may take an input or refuse it with a CodedError; anything else is a fault. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { CodedError } from '../../kit/errors.ts'

export interface Decoder<T = unknown> {
  name: string
  input: fc.Arbitrary<T>
  /** May be asynchronous. What it returns is not looked at. */
  decode: (input: T) => unknown
  /** Of all runs, how many times its share: cheap decoders may have more. Default 1. */
  weight?: number
}

/** A refusal is for people and for logs: it must not carry the input back. */
const maxMessageLength = 64 * 1024
/** What may be left of all inputs, bytes. */
const maxHeapGrowth = 64 * 1024 * 1024

/** Rejects with the smallest input that breaks the decoder, and the seed to see it again. */
export async function fuzz<T>(
  { name, input, decode }: Decoder<T>,
  runs: number,
  seed?: number,
): Promise<{ refused: number }> {
  const seen = { refused: 0 }
  const before = heapUsed()
  const property = fc.asyncProperty(input, async value => {
    try {
      await decode(value)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      const bytes = JSON.stringify({ message: error.message, problems: error.problems }).length
      if (bytes > maxMessageLength) throw new Error(`the refusal is ${bytes} bytes long`)
      seen.refused++
    }
  })
  await fc.assert(property, { numRuns: runs, ...(seed !== undefined && { seed }) })
  const grown = heapUsed() - before
  if (grown > maxHeapGrowth) throw new Error(`${name} kept ${grown} bytes of ${runs} inputs`)
  return seen
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
