/** `flotilla self-check`: whether this program is whole on this machine. For whoever packs it, and for who wonders why it does not start. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from './contract/version.ts'
import { programAssets } from './kit/assets.ts'
import { type Clock, systemClock } from './kit/clock.ts'
import type { Command } from './kit/command-line.ts'
import { CodedError, messageOf } from './kit/errors.ts'
import { loadAddonFrom } from './kit/native.ts'
import { nativePlaces } from './kit/native-place.ts'
import { packedFiles } from './kit/packed-files.ts'

export interface CheckResult {
  name: string
  ok: boolean
  /** What was found, or what is wrong. */
  detail: string
}

/** Each resolves to what it found. */
const checks: Record<string, (clock: Clock) => Promise<string>> = {
  assets: async () => checkAssets(),
  store: async () => checkStore(),
  terminal: checkTerminal,
}

const terminalTimeoutMs = 10_000

export const selfCheckCommand: Command = {
  name: 'self-check',
  summary: 'Whether this program is whole on this machine',
  options: [{ flags: '--json', summary: 'For programs' }],
  hidden: true,
  async run({ options }) {
    const results = await runChecks(systemClock)
    const facts = {
      version,
      node: process.version,
      architecture: process.arch,
      packed: packedFiles() !== undefined,
      flags: process.execArgv,
    }
    process.stdout.write(
      options['json'] ? `${JSON.stringify({ ...facts, checks: results })}\n` : renderText(facts, results),
    )
    return results.every(({ ok }) => ok) ? 0 : 1
  },
}

async function runChecks(clock: Clock): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const [name, check] of Object.entries(checks)) {
    try {
      results.push({ name, ok: true, detail: await check(clock) })
    } catch (error) {
      results.push({ name, ok: false, detail: messageOf(error) })
    }
  }
  return results
}

function renderText(facts: Record<string, unknown>, results: CheckResult[]): string {
  const lines = [
    ...Object.entries(facts).map(([name, value]) => `${name}: ${value}`),
    ...results.map(({ name, ok, detail }) => `${name}: ${ok ? 'ok' : 'FAILED'}, ${detail}`),
  ]
  return `${lines.join('\n')}\n`
}

function checkAssets(): string {
  const assets = programAssets()
  const names = assets.list('firmware-config')
  if (names.length === 0) throw new CodedError('NotFound', 'cannot find firmware-config: because the program has none')
  const bytes = names.reduce((sum, name) => sum + assets.read(name).length, 0)
  return `${names.length} files of firmware-config, ${bytes} bytes; ${assets.list('images').length} container images`
}

/** Writes and reads what a store does, in a place that is gone afterwards. */
async function checkStore(): Promise<string> {
  const { LevelDatabase } = await import('./master/store/level-database.ts')
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-self-check-'))
  try {
    const database = await LevelDatabase.open(directory)
    try {
      await database.write([{ type: 'put', key: 'a', value: 'b' }], { sync: true })
      if ((await database.get('a')) !== 'b') throw new CodedError('InternalError', 'cannot read back what was written')
    } finally {
      await database.close()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
  return `LevelDB by ${sourceOf('classic-level.node')}`
}

async function checkTerminal(clock: Clock): Promise<string> {
  const { openPty } = await import('./kit/pty.ts')
  const pty = openPty(['/bin/sh', '-c', 'test -t 0 && exec stty size'], { columns: 91, rows: 17 })
  const said: string[] = []
  const status = await new Promise<number>((resolve, reject) => {
    const cancel = clock.after(terminalTimeoutMs, () => {
      pty.close()
      reject(new CodedError('Timeout', 'cannot run a shell in a terminal: because it did not end'))
    })
    pty.onData(text => said.push(text))
    pty.onExit(result => {
      cancel()
      resolve(result)
    })
  })
  const text = said.join('').trim()
  if (status !== 0 || text !== '17 91')
    throw new CodedError(
      'InternalError',
      `cannot run a shell in a terminal: because it said "${text}", status ${status}`,
    )
  return `node-pty by ${sourceOf('pty.node')}`
}

/** Where an addon was loaded from. */
function sourceOf(addon: string): string {
  return packedFiles() ? loadAddonFrom(addon, nativePlaces(process.env)).path : 'node_modules'
}
