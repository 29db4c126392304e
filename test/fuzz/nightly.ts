/** A million inputs for the decoders, some minutes long: `./build.sh nightly [RUNS [SEED]]`. */
import { systemClock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import { decoders } from './decoders.ts'
import { fuzz } from './harness.ts'

const [runsText = '1000000', seedText] = process.argv.slice(2)
const totalRuns = Number(runsText)
if (!Number.isInteger(totalRuns) || totalRuns < 1) throw new Error(`"${runsText}" is no number of runs`)
const seed = seedText === undefined ? systemClock.now() & 0x7fffffff : Number(seedText)
const shares = decoders.reduce((sum, { weight = 1 }) => sum + weight, 0)
process.stdout.write(`${totalRuns} inputs for ${decoders.length} decoders, seed ${seed}\n`)

for (const decoder of decoders) {
  const runs = Math.ceil((totalRuns * (decoder.weight ?? 1)) / shares)
  const start = systemClock.monotonic()
  try {
    const { refused } = await fuzz(decoder, runs, seed)
    const seconds = ((systemClock.monotonic() - start) / 1000).toFixed(1)
    process.stdout.write(`✔ ${decoder.name}: ${runs} inputs, ${refused} refused, ${seconds} s\n`)
  } catch (error) {
    process.stdout.write(`✘ ${decoder.name}: ${messageOf(error)}\n`)
    process.exitCode = 1
  }
}
