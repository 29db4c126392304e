/**
 * Runs all tests: rooms side by side, then those that own whole labs one after the other, then boards under emulation; then counts, what
 * they have left on this machine as well.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { traces } from './traces.ts'

interface Count {
  passed: number
  failed: number
}

interface Suite {
  name: string
  /** Prints a line that begins with ✔ or ✘ for each test. */
  argv: string[]
}

const ava = 'node_modules/.bin/ava'

const suites: Suite[] = [
  { name: 'rooms', argv: [ava, 'test/**/*.test.ts', '!test/integration/**', '--concurrency', '2'] },
  { name: 'lab', argv: [ava, 'test/integration/**/*.test.ts', '--concurrency', '1'] },
  { name: 'boot', argv: [process.execPath, 'test/boot/test-boot.ts', 'amd64', 'arm64'] },
]

const before = new Set(traces())
const chosen = suites.filter(({ name }) => process.argv.length === 2 || process.argv.includes(name))
const total: Count = { passed: 0, failed: 0 }
for (const suite of chosen) {
  process.stdout.write(`\n▸ tests: ${suite.name}\n`)
  const count = await runSuite(suite)
  total.passed += count.passed
  total.failed += count.failed
}
for (const trace of traces().filter(line => !before.has(line))) {
  process.stdout.write(`  ✘ [fail]: the tests have left behind: ${trace}\n`)
  total.failed += 1
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1

/** A run that ends badly without naming a failed test (a crash, a timeout, an uncaught error) counts as one failure. */
async function runSuite({ argv: [program = '', ...words] }: Suite): Promise<Count> {
  const tests = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const count = { passed: 0, failed: 0 }
  const lines = createInterface({ input: tests.stdout })
  lines.on('line', line => {
    process.stdout.write(`${line}\n`)
    if (/^\s+✔ /.test(line)) count.passed += 1
    if (/^\s+✘ \[fail\]/.test(line)) count.failed += 1
  })
  const status = await new Promise<number | null>(resolve => tests.on('close', resolve))
  return status === 0 ? count : { ...count, failed: Math.max(1, count.failed) }
}
