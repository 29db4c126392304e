/** Runs all tests: rooms side by side, then those that own whole labs one after the other; then counts. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

interface Count {
  passed: number
  failed: number
}

const suites = [
  { name: 'rooms', arguments: ['test/**/*.test.ts', '!test/integration/**', '--concurrency', '2'] },
  { name: 'lab', arguments: ['test/integration/**/*.test.ts', '--concurrency', '1'] },
]

const chosen = suites.filter(({ name }) => process.argv.length === 2 || process.argv.includes(name))
const total: Count = { passed: 0, failed: 0 }
for (const suite of chosen) {
  process.stdout.write(`\n▸ tests: ${suite.name}\n`)
  const count = await runAva(suite.arguments)
  total.passed += count.passed
  total.failed += count.failed
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1

/** A run that ends badly without naming a failed test (a crash, a timeout, an uncaught error) counts as one failure. */
async function runAva(words: string[]): Promise<Count> {
  const ava = spawn('node_modules/.bin/ava', [...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  const count = { passed: 0, failed: 0 }
  const lines = createInterface({ input: ava.stdout })
  lines.on('line', line => {
    process.stdout.write(`${line}\n`)
    if (/^\s+✔ /.test(line)) count.passed += 1
    if (/^\s+✘ \[fail\]/.test(line)) count.failed += 1
  })
  const status = await new Promise<number | null>(resolve => ava.on('close', resolve))
  return status === 0 ? count : { ...count, failed: Math.max(1, count.failed) }
}
