/** The steps of the demo: each does one thing a user would do, and fails unless it sees it hold. */
import { resolve } from 'node:path'
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { Node } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodReady } from '../../contract/resources/pods.ts'
import type { JoinToken } from '../../contract/resources/trust.ts'
import { systemClock } from '../../kit/clock.ts'
import { type Fleet, program, waitFor } from '../support/fleet.ts'

export interface Demo {
  fleet: Fleet
  boards: string[]
  /** Shows a line to the person who watches. */
  say: (line: string) => void
}

export interface DemoStep {
  name: string
  title: string
  run: (demo: Demo) => Promise<void>
}

const manifest = resolve(import.meta.dirname, '../../docs/examples/hello.yaml')
const lost = 'board-3'
/** The promise: a lost board's pods run elsewhere so soon after the cut. */
const replacedWithinMs = 5000

export const steps: DemoStep[] = [
  { name: 'up', title: 'A master and three boards start', run: start },
  { name: 'join', title: 'Each board has joined over TLS, by a line of its own', run: showJoining },
  { name: 'nodes', title: 'flotilla get nodes -o wide', run: showNodes },
  { name: 'apply', title: 'flotilla apply -f docs/examples/hello.yaml', run: apply },
  { name: 'reach', title: 'Every board reaches the Service at one address, answered by different pods', run: reach },
  { name: 'cut', title: `${lost} is cut from the LAN`, run: cut },
  { name: 'kill', title: 'The master is killed (SIGKILL) and started again', run: killMaster },
  { name: 'delete', title: 'flotilla delete -f docs/examples/hello.yaml', run: deleteAll },
]

async function start({ fleet, boards, say }: Demo): Promise<void> {
  await fleet.onLab('up', '--boards', String(boards.length))
  say(`lab in ${fleet.lab.dir}`)
}

async function showJoining({ fleet, boards, say }: Demo): Promise<void> {
  showTable(say, await fleet.run('get', 'nodeidentities'))
  showTable(say, await fleet.run('token', 'list'))
  const { items } = JSON.parse(await fleet.run('get', 'jointokens', '-o', 'json')) as { items: JoinToken[] }
  const used = items.map(({ status }) => status?.used?.[0]?.nodeName).sort()
  expect(used.join() === boards.join(), 'each token let one board in, and is used up')
  const left = await Promise.all(boards.map(board => fleet.sh(board, 'cat /var/lib/flotilla/join || echo gone')))
  expect(
    left.every(text => text === 'gone\n'),
    'no join line is left on a board',
  )
  const line = (await fleet.run('token', 'create')).trim()
  const [, id = ''] = /\/\/(\w+)\./.exec(line) ?? []
  // Somebody who knows the cluster, and guesses.
  const forged = line.replace(/\.\w{26}@/, `.${'a'.repeat(26)}@`)
  const join = `'${program}' join - --data /run/intruder --name intruder`
  const refused = await fleet.lab.run('exec', boards[0]!, '--', 'sh', '-c', `echo '${forged}' | ${join}`)
  expect(refused.status !== 0, 'a forged line lets nobody in')
  say(`with a forged line: ${refused.stderr.trim().split('\n').at(-1)}`)
  await fleet.run('token', 'revoke', id)
  const master = await fleet.sh('master', 'grep -E "^(Uid|CapEff)" /proc/$(cat /run/master.pid)/status')
  expect(/^Uid:\s+[1-9]\d+\s/m.test(master) && /^CapEff:\s+0+$/m.test(master), 'the master runs without root')
  say('the master runs without root')
}

async function showNodes({ fleet, boards, say }: Demo): Promise<void> {
  // The first readings come with the first reports: a board needs two samples to tell its load.
  await waitFor('CPU and memory of every board', async () => {
    const { items } = JSON.parse(await fleet.run('get', 'nodemetrics', '-o', 'json')) as { items: AnyObject[] }
    return items.length === boards.length
  })
  showTable(say, await fleet.run('get', 'nodes', '-o', 'wide'))
  const { items } = JSON.parse(await fleet.run('get', 'nodes', '-o', 'json')) as { items: Node[] }
  const ready = items.filter(({ status }) =>
    status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  )
  expect(ready.length === boards.length, `${ready.length} of ${boards.length} nodes are Ready`)
}

async function apply({ fleet, boards, say }: Demo): Promise<void> {
  const beganMs = systemClock.monotonic()
  showTable(say, await fleet.run('apply', '-f', manifest))
  showTable(say, await fleet.run('rollout', 'status', 'deployment/hello', '--timeout', '60s'))
  say(`from apply to rolled out: ${seconds(beganMs)} s`)
  showTable(say, await fleet.run('get', 'pods', '-o', 'wide'))
  const used = new Set((await fleet.pods()).map(({ spec }) => spec.nodeName))
  expect(used.size === boards.length, `the pods are spread over ${used.size} of ${boards.length} boards`)
}

async function reach({ fleet, boards, say }: Demo): Promise<void> {
  const url = await serviceUrl(fleet)
  const wanted = new Set(podNames(await livePods(fleet)))
  for (const board of boards) {
    // Each answer is drawn by lot: of 12 from 3 pods, two at least differ but once in 180 000 times.
    const answers = await askOften(fleet, { machine: board, url, times: 12 })
    say(`${board} → ${url}: ${[...answers].map(([pod, count]) => `${pod} ×${count}`).join(', ')}`)
    expect(
      [...answers.keys()].every(pod => wanted.has(pod)),
      'only pods of the Service answer',
    )
    expect(answers.size > 1, `different pods answer ${board}`)
  }
  const rules = await fleet.sh(boards[0]!, 'nft list table ip flotilla')
  expect(rules.includes(new URL(url).hostname), "the Service's address is in the board's nftables rules")
}

async function cut({ fleet, boards, say }: Demo): Promise<void> {
  const before = new Set(podNames(await livePods(fleet)))
  const seen = { noticed: 0, replaced: 0 }
  const nodes = fleet.follow(['get', 'nodes', '--watch', '--no-headers'], line => {
    if (line.startsWith(lost) && line.includes('NotReady')) seen.noticed ||= systemClock.monotonic()
  })
  const pods = fleet.follow(['get', 'pods', '--watch', '--no-headers'], line => {
    const [name = '', ready, status] = line.split(/\s+/)
    if (!before.has(name) && ready === '1/1' && status === 'Running') seen.replaced ||= systemClock.monotonic()
  })
  await waitFor('the watches', async () => (await fleet.pods()).length > 0)
  const cutMs = systemClock.monotonic()
  await fleet.onLab('cut', lost)
  await waitFor('the replacement', async () => seen.noticed > 0 && seen.replaced > 0)
  nodes.stop()
  pods.stop()
  const [noticedMs, replacedMs] = [seen.noticed - cutMs, seen.replaced - cutMs]
  say(`noticed after ${(noticedMs / 1000).toFixed(1)} s, replaced after ${(replacedMs / 1000).toFixed(1)} s`)
  expect(replacedMs <= replacedWithinMs, `the replacement runs within ${replacedWithinMs / 1000} s of the cut`)
  showTable(say, await fleet.run('get', 'pods', '-o', 'wide'))
  const live = new Set(podNames(await livePods(fleet)))
  for (const board of boards.filter(name => name !== lost)) {
    const answers = await askOften(fleet, { machine: board, url: await serviceUrl(fleet), times: 12 })
    expect(
      [...answers.keys()].every(pod => live.has(pod)),
      `only live pods answer ${board}`,
    )
  }
  await fleet.onLab('mend', lost)
  await waitFor(`${lost} back and tidied up`, async () => (await fleet.pods()).length === before.size)
  say(`${lost} is plugged in again, and has let go of the pod that runs elsewhere now`)
}

async function killMaster({ fleet, boards, say }: Demo): Promise<void> {
  const containers = await Promise.all(boards.map(board => fleet.containerIds(board)))
  await fleet.run('apply', '-f', manifest)
  const before = await everything(fleet)
  await fleet.onLab('kill', 'master')
  const answer = await fleet.fetch(boards[0]!, await serviceAddress(before))
  expect(answer !== undefined, 'the Service answers without a master')
  say(`without a master the Service still answers: ${answer}`)
  await fleet.onLab('start', 'master')
  await waitFor('three Ready nodes', async () => {
    const { stdout } = await fleet.try('get', 'nodes', '--no-headers')
    return (stdout.match(/ Ready /g) ?? []).length === boards.length
  })
  const after = await everything(fleet)
  expect(identities(after) === identities(before), 'every object is there, the same as before')
  say(`${before.length} objects are there as before`)
  const now = await Promise.all(boards.map(board => fleet.containerIds(board)))
  expect(JSON.stringify(now) === JSON.stringify(containers), 'every container is the same as before')
  expect((await fleet.pods()).every(hasNeverRestarted), 'no container has restarted')
  say('no container has restarted')
}

async function deleteAll({ fleet, boards, say }: Demo): Promise<void> {
  const address = new URL(await serviceUrl(fleet)).hostname
  showTable(say, await fleet.run('delete', '-f', manifest))
  for (const board of boards) {
    await waitFor(`no container on ${board}`, async () => (await fleet.containerIds(board)).length === 0)
    await waitFor(`no rule for ${address} on ${board}`, async () => {
      return !(await fleet.sh(board, 'nft list table ip flotilla')).includes(address)
    })
    const leases = await fleet.sh(board, 'find /var/lib/cni/networks -type f -name "10.*" 2>/dev/null || true')
    expect(leases.trim() === '', `no pod address is held on ${board}`)
  }
  say('containers, rules and addresses are gone from every board')
}

function seconds(sinceMs: number): string {
  return ((systemClock.monotonic() - sinceMs) / 1000).toFixed(1)
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`did not hold: ${what}`)
}

function showTable(say: Demo['say'], text: string): void {
  for (const line of text.trimEnd().split('\n')) say(line)
}

async function livePods(fleet: Fleet): Promise<Pod[]> {
  return (await fleet.pods('-l', 'app=hello')).filter(pod => isPodReady(pod) && !pod.metadata.deletionTimestamp)
}

function podNames(pods: Pod[]): string[] {
  return pods.map(({ metadata }) => metadata.name)
}

async function serviceUrl(fleet: Fleet): Promise<string> {
  const { spec } = JSON.parse(await fleet.run('get', 'service', 'hello', '-o', 'json'))
  return `http://${spec.clusterIP}/`
}

async function serviceAddress(objects: AnyObject[]): Promise<string> {
  const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'hello')
  return `http://${service?.spec?.['clusterIP']}/`
}

async function askOften(
  fleet: Fleet,
  { machine, url, times }: { machine: string; url: string; times: number },
): Promise<Map<string, number>> {
  const script = `for i in $(seq ${times}); do timeout 3 busybox wget -q -O - ${url} || echo nobody; done`
  const answers = (await fleet.sh(machine, script)).split('\n').filter(Boolean)
  const counts = new Map<string, number>()
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  return counts
}

/** All that a user has asked for and all that came of it, but for what comes and goes by itself. */
async function everything(fleet: Fleet): Promise<AnyObject[]> {
  const types = 'deployments,replicasets,pods,services,configmaps,nodes,namespaces'
  return JSON.parse(await fleet.run('get', types, '-A', '-o', 'json')).items
}

function identities(objects: AnyObject[]): string {
  return objects
    .map(({ kind, metadata, spec }) => JSON.stringify([kind, metadata.name, metadata.uid, spec]))
    .sort()
    .join('\n')
}

function hasNeverRestarted({ status }: Pod): boolean {
  return (status?.containerStatuses ?? []).every(({ restartCount }) => restartCount === 0)
}
