/** What trust costs: joining, a thousand boards that come back to a master that was killed, and the master's memory. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { sleep, systemClock } from '../kit/clock.ts'
import { freePort } from '../test/kit/bus/mosquitto.ts'
import { waitFor } from '../test/support/fleet.ts'
import type { BoardNews } from './boards.ts'
import { medianOf } from './median.ts'
import type { BenchRow } from './row.ts'

const dist = resolve(import.meta.dirname, '../dist')
const boards = 1000
const processes = 4
const deadlineMs = 300_000
/** Until memory and controllers have come to rest. */
const restMs = 15_000

export async function benchTrust(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-bench-'))
  const port = await freePort()
  const stage = new Stage(folder, port)
  try {
    await stage.startMaster()
    const before = await stage.masterMemory()
    const line = join(folder, 'line')
    await writeFile(line, stage.run('token', 'create', '--uses', String(boards), '--ttl', '1h'), { mode: 0o600 })
    const alone = await stage.joinOneByOne(line, 10)
    stage.startBoards(line)
    await waitFor('all boards', async () => stage.heard.size === boards, deadlineMs)
    await sleep(systemClock, restMs)
    const after = await stage.masterMemory()
    const back = await stage.restartMaster()
    return [
      {
        name: 'a board joins',
        value: medianOf(alone),
        unit: 'ms',
        note: 'key, CSR, certificate; both ends on this machine',
      },
      {
        name: `${boards} boards back after the master was killed`,
        value: back.allMs / 1000,
        unit: 's',
        note: 'TLS, all from one address',
      },
      { name: 'half of them', value: back.halfMs / 1000, unit: 's' },
      { name: "the master's CPU until then", value: back.cpuSeconds, unit: 's' },
      {
        name: 'master, private memory, no boards',
        value: before.privateMiB,
        unit: 'MiB',
        note: `${before.residentMiB.toFixed(0)} MiB resident`,
      },
      {
        name: `master, private memory, ${boards} boards`,
        value: after.privateMiB,
        unit: 'MiB',
        note: `${after.residentMiB.toFixed(0)} MiB resident`,
      },
    ]
  } finally {
    await stage.end()
    await rm(folder, { recursive: true, force: true })
  }
}

/** One master and its boards, all processes of this machine on loopback. */
class Stage {
  /** Boards that have heard the newest master. */
  readonly heard = new Set<string>()
  #folder: string
  #port: number
  #master: ChildProcess | undefined
  #crowds: ChildProcess[] = []
  #instance = ''
  #joinMs: number[] = []

  constructor(folder: string, port: number) {
    this.#folder = folder
    this.#port = port
  }

  async startMaster(): Promise<void> {
    const words = ['master', '--cluster', 'bench', '--data', join(this.#folder, 'master')]
    const listen = [
      '--listen',
      `127.0.0.1:${this.#port}`,
      '--advertise',
      `127.0.0.1:${this.#port}`,
      '--log-level',
      'error',
    ]
    this.#master = spawn(`${dist}/flotilla`, [...words, ...listen], { stdio: ['ignore', 'ignore', 'inherit'] })
    await waitFor('the master', async () => this.#try('version').status === 0)
  }

  run(...words: string[]): string {
    const { status, stdout, stderr } = this.#try(...words)
    if (status !== 0) throw new Error(`flotilla ${words.join(' ')}: ${stderr}`)
    return stdout
  }

  /** How long each took, ms. */
  async joinOneByOne(line: string, times: number): Promise<number[]> {
    const crowd = this.#crowd(line, 0, times)
    await waitFor('the first boards', async () => this.#joinMs.length === times, deadlineMs)
    this.#crowds.push(crowd)
    return [...this.#joinMs]
  }

  startBoards(line: string): void {
    const rest = boards - this.#joinMs.length
    const share = rest / processes
    const first = this.#joinMs.length
    for (let at = 0; at < processes; at++) {
      const [from, to] = [Math.floor(at * share), Math.floor((at + 1) * share)]
      this.#crowds.push(this.#crowd(line, first + from, to - from))
    }
  }

  async restartMaster(): Promise<{ allMs: number; halfMs: number; cpuSeconds: number }> {
    this.#master?.kill('SIGKILL')
    await waitFor('its end', async () => this.#master?.signalCode !== null)
    this.heard.clear()
    this.#instance = ''
    const beganMs = performance.now()
    await this.startMaster()
    const times = { half: 0 }
    await waitFor(
      'all boards again',
      async () => {
        if (this.heard.size >= boards / 2) times.half ||= performance.now() - beganMs
        return this.heard.size === boards
      },
      deadlineMs,
    )
    const allMs = performance.now() - beganMs
    return { allMs, halfMs: times.half, cpuSeconds: await this.#cpuSeconds() }
  }

  async masterMemory(): Promise<{ privateMiB: number; residentMiB: number }> {
    const text = await readFile(`/proc/${this.#master?.pid}/smaps_rollup`, 'utf8')
    const kib = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1])
    return { privateMiB: (kib('Private_Clean') + kib('Private_Dirty')) / 1024, residentMiB: kib('Rss') / 1024 }
  }

  async end(): Promise<void> {
    for (const child of [...this.#crowds, this.#master]) child?.kill('SIGKILL')
    await sleep(systemClock, 200)
  }

  #try(...words: string[]): { status: number | null; stdout: string; stderr: string } {
    const env = { ...process.env, FLOTILLA_CONFIG: join(this.#folder, 'master/admin.yaml') }
    return spawnSync(`${dist}/flotilla`, words, { env, encoding: 'utf8' })
  }

  #crowd(line: string, first: number, count: number): ChildProcess {
    const words = [
      resolve(import.meta.dirname, 'boards.ts'),
      join(this.#folder, 'boards'),
      line,
      String(first),
      String(count),
    ]
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child.on('message', message => this.#take(message as BoardNews))
    return child
  }

  #take(news: BoardNews): void {
    if ('joined' in news) {
      this.#joinMs.push(news.ms)
      return
    }
    this.#instance ||= news.instance
    if (news.instance === this.#instance) this.heard.add(news.heard)
  }

  async #cpuSeconds(): Promise<number> {
    const text = await readFile(`/proc/${this.#master?.pid}/stat`, 'utf8')
    const ticks = text.slice(text.lastIndexOf(')')).split(' ').slice(12, 14).map(Number)
    return ((ticks[0] ?? 0) + (ticks[1] ?? 0)) / 100
  }
}
