/** A whole fleet in a lab of three boards: memory, traffic and disk at idle with 10 pods, and how fast the main job is. */
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isPodReady } from '../contract/resources/pods.ts'
import { sleep, systemClock } from '../kit/clock.ts'
import { Fleet, waitFor } from '../test/support/fleet.ts'
import { medianOf } from './median.ts'
import type { BenchRow } from './row.ts'
import { timeOf } from './start.ts'

const program = resolve(import.meta.dirname, '../dist/flotilla')
const boards = ['board-1', 'board-2', 'board-3']
const idleMs = 60_000
const applies = 5
const cuts = 3

export async function benchFleet(): Promise<BenchRow[]> {
  const fleet = new Fleet()
  try {
    const beganMs = performance.now()
    await fleet.onLab('up')
    const up: BenchRow = { name: 'lab up, 3 boards', value: (performance.now() - beganMs) / 1000, unit: 's' }
    const idle = await measureIdle(fleet)
    const speed = await measureApply(fleet)
    const failover = await measureCuts(fleet)
    const env = { ...process.env, ...fleet.environment }
    const get: BenchRow = {
      name: 'flotilla get nodes, whole process',
      value: timeOf([program, 'get', 'nodes'], env),
      unit: 'ms',
    }
    return [up, ...idle, get, ...speed, ...failover]
  } finally {
    await fleet.down()
  }
}

/** From the start of `flotilla apply` to a pod that is Running, and to the first HTTP answer of its Service. Image present. */
async function measureApply(fleet: Fleet): Promise<BenchRow[]> {
  const running: number[] = []
  const answered: number[] = []
  for (let turn = 0; turn < applies; turn++) {
    const name = `bench-${turn}`
    const file = await writeApplication(fleet, name, 1)
    const address = `10.96.200.${turn + 1}`
    const seen = { runningMs: 0 }
    const watch = fleet.follow(['get', 'pods', '--watch-only', '--no-headers'], line => {
      if (line.startsWith(name) && line.includes('Running')) seen.runningMs ||= performance.now()
    })
    const asker = askUntilAnswered(fleet, `http://${address}/`)
    await sleep(systemClock, 500)
    const beganMs = performance.now()
    await fleet.run('apply', '-f', file)
    answered.push((await asker) - beganMs)
    await waitFor('the pod', async () => seen.runningMs > 0)
    running.push(seen.runningMs - beganMs)
    watch.stop()
    await fleet.run('delete', '-f', file)
    await waitFor('the pod gone', async () => (await fleet.pods()).length === 0)
  }
  return [
    { name: 'apply → running', value: medianOf(running), unit: 'ms', note: `image present, median of ${applies}` },
    { name: 'apply → first HTTP answer', value: medianOf(answered), unit: 'ms', note: 'by ClusterIP' },
  ]
}

/** Asks on a board, again and again, until somebody answers. Resolves to when that was. */
async function askUntilAnswered(fleet: Fleet, url: string): Promise<number> {
  await fleet.sh('board-1', `until busybox wget -q -O /dev/null ${url} 2>/dev/null; do sleep 0.02; done`)
  return performance.now()
}

async function measureCuts(fleet: Fleet): Promise<BenchRow[]> {
  const file = await writeApplication(fleet, 'bench', 3)
  await fleet.run('apply', '-f', file)
  await fleet.run('rollout', 'status', 'deployment/bench', '--timeout', '60s')
  const noticed: number[] = []
  const replaced: number[] = []
  for (let turn = 0; turn < cuts; turn++) {
    const times = await cutOnce(fleet, boards[turn % boards.length]!)
    noticed.push(times.noticedMs)
    replaced.push(times.replacedMs)
  }
  await fleet.run('delete', '-f', file)
  await waitFor('the pods gone', async () => (await fleet.pods()).length === 0)
  return [
    { name: 'cut → noticed', value: medianOf(noticed) / 1000, unit: 's', note: `median of ${cuts}` },
    {
      name: 'cut → replaced',
      value: medianOf(replaced) / 1000,
      unit: 's',
      note: `largest ${(Math.max(...replaced) / 1000).toFixed(2)}`,
    },
  ]
}

async function cutOnce(fleet: Fleet, board: string): Promise<{ noticedMs: number; replacedMs: number }> {
  const before = await fleet.pods()
  const names = new Set(before.map(({ metadata }) => metadata.name))
  if (!before.some(({ spec }) => spec.nodeName === board)) throw new Error(`no pod is on ${board}`)
  const seen = { noticedMs: 0, replacedMs: 0 }
  const nodes = fleet.follow(['get', 'nodes', '--watch-only', '--no-headers'], line => {
    if (line.startsWith(board) && line.includes('NotReady')) seen.noticedMs ||= performance.now()
  })
  const pods = fleet.follow(['get', 'pods', '--watch-only', '--no-headers'], line => {
    const [name = '', ready] = line.split(/\s+/)
    if (!names.has(name) && ready === '1/1') seen.replacedMs ||= performance.now()
  })
  await sleep(systemClock, 1000)
  const beganMs = performance.now()
  await fleet.onLab('cut', board)
  await waitFor('the replacement', async () => seen.noticedMs > 0 && seen.replacedMs > 0)
  nodes.stop()
  pods.stop()
  await fleet.onLab('mend', board)
  await waitFor('the board back', async () => {
    const { stdout } = await fleet.try('get', 'nodes', '--no-headers')
    return !stdout.includes('NotReady') && (await fleet.pods()).length === 3
  })
  // Spread again: the next board to be cut must have something to lose.
  await fleet.run('delete', 'pods', '--all')
  await waitFor('three ready pods', async () => (await fleet.pods()).filter(isPodReady).length === 3)
  return { noticedMs: seen.noticedMs - beganMs, replacedMs: seen.replacedMs - beganMs }
}

async function measureIdle(fleet: Fleet): Promise<BenchRow[]> {
  const file = await writeApplication(fleet, 'idle', 10)
  await fleet.run('apply', '-f', file)
  await fleet.run('rollout', 'status', 'deployment/idle', '--timeout', '60s')
  await sleep(systemClock, 10_000)
  const master = await readProcess(fleet, 'master', 'master')
  const agent = await readProcess(fleet, 'board-1', 'agent')
  const bytes = await readLink(fleet, 'board-1')
  await sleep(systemClock, idleMs)
  const masterLater = await readProcess(fleet, 'master', 'master')
  const agentLater = await readProcess(fleet, 'board-1', 'agent')
  const traffic = (await readLink(fleet, 'board-1')) - bytes
  await fleet.run('delete', '-f', file)
  await waitFor('the pods gone', async () => (await fleet.pods()).length === 0)
  const perMinute = 60_000 / idleMs
  const rows = (name: string, before: Figures, after: Figures): BenchRow[] => [
    {
      name: `${name}, private memory`,
      value: after.privateMiB,
      unit: 'MiB',
      note: `${after.residentMiB.toFixed(0)} MiB resident; 3 nodes, 10 pods`,
    },
    {
      name: `${name}, CPU at idle`,
      value: ((after.cpuSeconds - before.cpuSeconds) / idleMs) * 100_000,
      unit: '% of a core',
    },
    {
      name: `${name}, written to disk at idle`,
      value: ((after.writtenBytes - before.writtenBytes) / 1024) * perMinute,
      unit: 'KiB/min',
    },
  ]
  return [
    ...rows('master', master, masterLater),
    ...rows('agent', agent, agentLater),
    {
      name: 'traffic of a node at idle',
      value: traffic * perMinute,
      unit: 'bytes/min',
      note: 'both ways, on its cable',
    },
  ]
}

interface Figures {
  privateMiB: number
  residentMiB: number
  cpuSeconds: number
  writtenBytes: number
}

/** From the kernel's own accounts of the process (proc(5): smaps_rollup, stat, io). */
async function readProcess(fleet: Fleet, machine: string, service: string): Promise<Figures> {
  const text = await fleet.sh(
    machine,
    `p=$(cat /run/${service}.pid); cat /proc/$p/smaps_rollup /proc/$p/io; cat /proc/$p/stat`,
  )
  const kib = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN)
  const ticks = text.slice(text.lastIndexOf(')')).split(' ').slice(12, 14).map(Number)
  return {
    privateMiB: (kib('Private_Clean') + kib('Private_Dirty')) / 1024,
    residentMiB: kib('Rss') / 1024,
    cpuSeconds: ((ticks[0] ?? 0) + (ticks[1] ?? 0)) / 100,
    writtenBytes: Number(/^write_bytes: (\d+)/m.exec(text)?.[1] ?? Number.NaN),
  }
}

async function readLink(fleet: Fleet, board: string): Promise<number> {
  const text = await fleet.sh(
    board,
    'cat /sys/class/net/eth0/statistics/rx_bytes /sys/class/net/eth0/statistics/tx_bytes',
  )
  return text
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line), 0)
}

async function writeApplication(fleet: Fleet, name: string, replicas: number): Promise<string> {
  const labels = { app: name }
  const container = { name: 'hello', image: 'flotilla.dev/hello:1', imagePullPolicy: 'IfNotPresent' }
  const turn = /-(\d)$/.exec(name)?.[1]
  const items = [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: {
        selector: labels,
        ports: [{ port: 80, targetPort: 8080 }],
        ...(turn === undefined ? {} : { clusterIP: `10.96.200.${Number(turn) + 1}` }),
      },
    },
  ]
  const file = join(fleet.lab.dir, `${name}.json`)
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  return file
}
