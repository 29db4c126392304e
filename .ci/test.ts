/** Runs all tests: rooms side by side, then those that own whole labs one after the other; then counts. */
import { spawn } from 'node:child_process'

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
  const tail = { text: '' }
  ava.stdout.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk)
    tail.text = (tail.text + chunk.toString()).slice(-4000)
  })
  const status = await new Promise<number | null>(resolve => ava.on('close', resolve))
  const passed = countOf(tail.text, /(\d+) tests? passed/)
  const failed = countOf(tail.text, /(\d+) (?:tests?|hooks?) failed/) + countOf(tail.text, /(\d+) uncaught exceptions?/)
  return { passed, failed: status === 0 ? 0 : Math.max(1, failed) }
}

function countOf(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0)
}
