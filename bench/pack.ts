/** The program as one file, packed in two ways, against dist/: sizes, starts, and memory of the parts that stay. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { architectures } from '../images/program/architectures.ts'
import { packProgram } from '../images/program/pack.ts'
import { medianOf } from './median.ts'
import type { BenchRow } from './row.ts'

const root = resolve(import.meta.dirname, '..')
const startRuns = 15
const memoryRuns = 3
/** Between a part's saying that it is up and the look at its memory. */
const settleSeconds = 3
const upTimeoutMs = 60_000

interface Candidate {
  name: string
  program: string
}

export async function benchPack(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-bench-'))
  try {
    const candidates = await makeCandidates(folder)
    return [...sizes(candidates), ...starts(candidates), ...(await memories(candidates, folder))]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function makeCandidates(folder: string): Promise<Candidate[]> {
  const pack = (packer: 'sea' | 'pkg'): Promise<string> =>
    packProgram(architectures.x64, { root, outDir: join(folder, packer), epoch: 0, packer })
  return [
    { name: 'dist', program: join(root, 'dist/flotilla') },
    { name: 'sea', program: await pack('sea') },
    { name: 'pkg', program: await pack('pkg') },
  ]
}

function sizes(candidates: Candidate[]): BenchRow[] {
  const packed = candidates.filter(({ name }) => name !== 'dist')
  return packed.flatMap(({ name, program }) => {
    const { stdout } = spawnSync('sh', ['-c', 'xz -6 -T2 -c "$0" | wc -c', program], { encoding: 'utf8' })
    return [
      { name: `size, ${name}`, value: statSync(program).size / 1e6, unit: 'MB' },
      { name: `size by xz, ${name}`, value: Number(stdout) / 1e6, unit: 'MB' },
    ]
  })
}

/** Taken in turns, so that what else the machine does befalls all alike. */
function starts(candidates: Candidate[]): BenchRow[] {
  const times = new Map<string, number[]>(candidates.map(({ name }) => [name, []]))
  for (let run = 0; run < startRuns; run++)
    for (const { name, program } of candidates) {
      const beganMs = performance.now()
      spawnSync(program, ['lab', '--help'], { stdio: 'ignore' })
      times.get(name)?.push(performance.now() - beganMs)
    }
  const first = medianOf(times.get('dist')!)
  return [...times].map(([name, all]) => {
    const note = `${(medianOf(all) / first).toFixed(2)} × dist`
    return { name: `start of lab --help, ${name}`, value: medianOf(all), unit: 'ms', note }
  })
}

const parts = [
  {
    part: 'master',
    up: /the master is up/,
    words: (place: string) => ['--data', join(place, 'data'), '--socket', join(place, 's')],
  },
  {
    part: 'agent',
    up: /belongs to no cluster/,
    words: (place: string) => ['--join', join(place, 'none'), '--data', join(place, 'agent')],
  },
]

async function memories(candidates: Candidate[], folder: string): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  for (const { part, up, words } of parts)
    for (const { name, program } of candidates) {
      const seen: Array<Record<'Rss' | 'anonymous', number>> = []
      for (let run = 0; run < memoryRuns; run++) {
        const place = mkdtempSync(join(folder, 'm-'))
        const listen = part === 'master' ? ['--listen', '127.0.0.1:0'] : []
        const child = spawn(program, [part, ...words(place), ...listen])
        try {
          await untilSaid(child, up)
          spawnSync('sleep', [`${settleSeconds}`])
          seen.push(memoryOf(child.pid!))
        } finally {
          child.kill('SIGKILL')
        }
      }
      const note = `RSS ${medianOf(seen.map(({ Rss }) => Rss)).toFixed(0)} MiB`
      const value = medianOf(seen.map(memory => memory.anonymous))
      rows.push({ name: `memory of its own, idle ${part}, ${name}`, value, unit: 'MiB', note })
    }
  return rows
}

function untilSaid(child: ChildProcess, text: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`it did not say ${text}`)), upTimeoutMs)
    child.once('exit', status => reject(new Error(`it ended with ${status}`)))
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', data => {
        if (!text.test(`${data}`)) return
        clearTimeout(timer)
        resolve()
      })
  })
}

/** MiB. What is in no file: pages of a program's file are private to whichever process happens to be its only one. */
function memoryOf(pid: number): Record<'Rss' | 'anonymous', number> {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const read = (name: string): number => Number(rollup.match(new RegExp(`^${name}: +(\\d+) kB`, 'm'))?.[1]) / 1024
  return { Rss: read('Rss'), anonymous: read('Anonymous') }
}
