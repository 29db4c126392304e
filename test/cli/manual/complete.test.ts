import test, { type ExecutionContext } from 'ava'
import { createCompleteCommand } from '../../../cli/manual/complete-command.ts'
import { listPlaces } from '../../../cli/manual/places.ts'
import { readLine } from '../../../cli/manual/read-line.ts'
import { completesArgument, completesOption } from '../../../cli/manual/what-completes.ts'
import { findKindByName } from '../../../contract/resources/kinds.ts'
import { MemoryBroker } from '../../../kit/bus/memory-bus.ts'
import type { Clock } from '../../../kit/clock.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { eventually } from '../../kit/eventually.ts'
import { createFleet, type FleetHarness, writeContexts } from '../harness.ts'
import { sample, whole } from './program.ts'

/** What a shell gets to read. */
async function complete(fleet: FleetHarness, what: string, ...words: string[]): Promise<string[]> {
  const { stdout, stderr, status } = await fleet.run('complete', what, '--', ...words)
  if (stderr !== '' || status !== 0) throw new Error(`${status}: ${stderr}`)
  return stdout.split('\n').filter(Boolean).sort()
}

async function fleetWithPods(t: ExecutionContext): Promise<FleetHarness> {
  const fleet = await createFleet(t)
  await fleet.runningPod('web-1', 'board-1')
  await fleet.runningPod('web-2', 'board-1')
  await fleet.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
  return fleet
}

test('names come from the cluster, of the kind that was typed', async t => {
  const fleet = await fleetWithPods(t)
  t.deepEqual(await complete(fleet, 'pods', 'logs', ''), ['web-1', 'web-2'])
  t.deepEqual(await complete(fleet, 'resources', 'get', 'po', ''), ['web-1', 'web-2'])
  t.deepEqual(await complete(fleet, 'resources', 'get', 'pods,services', 'w'), ['web-1', 'web-2'])
  t.deepEqual(await complete(fleet, 'resources', 'delete', 'pod/'), ['pod/web-1', 'pod/web-2'])
  t.deepEqual(await complete(fleet, 'pods', 'logs', 'pod/w'), ['pod/web-1', 'pod/web-2'])
  t.true((await complete(fleet, 'namespaces', 'get', 'pods', '-n', '')).includes('shop'))
})

test('what is on the line already is not proposed again, and its namespace is looked in', async t => {
  const fleet = await fleetWithPods(t)
  t.deepEqual(await complete(fleet, 'resources', 'get', 'pods', 'web-1', ''), ['web-2'])
  t.deepEqual(await complete(fleet, 'pods', 'logs', '-n', 'shop', ''), [])
  t.deepEqual(await complete(fleet, 'resources', 'get', '--namespace=shop', 'pods', ''), [])
  t.deepEqual(await complete(fleet, 'resources', 'get', '-A', 'pods', ''), ['web-1', 'web-2'])
})

test("a pod's containers are proposed for -c", async t => {
  const fleet = await fleetWithPods(t)
  t.deepEqual(await complete(fleet, 'containers', 'logs', 'web-1', '-c', ''), ['web'])
  t.deepEqual(await complete(fleet, 'containers', 'logs', 'pod/web-2', '-c', ''), ['web'])
})

test('contexts are read from the file, with no cluster at hand', async t => {
  const fleet = await createFleet(t)
  await writeContexts(fleet.folder, [
    { name: 'home', cluster: 'home', server: 'mqtts://nowhere', username: 'me' },
    { name: 'garden', cluster: 'garden', server: 'mqtts://nowhere', username: 'me' },
  ])
  t.deepEqual(await complete(fleet, 'contexts', 'config', 'use-context', ''), ['garden', 'home'])
})

test('whatever is wrong, nothing is said and the status is 0', async t => {
  const fleet = await createFleet(t)
  t.deepEqual(await complete(fleet, 'resources', 'get', 'nonsense', ''), [])
  t.deepEqual(await complete(fleet, 'containers', 'logs', 'gone', '-c', ''), [])
  t.deepEqual(await complete(fleet, 'pods', 'logs', '--context', 'nowhere', ''), [])
  t.deepEqual(await complete(fleet, 'pods'), [])
})

test('a cluster that does not answer is waited for no longer than a person waits', async t => {
  const fleet = await createFleet(t)
  // A broker that takes the question, and no master behind it.
  const { terminal } = fleet.start('version', '--client')
  const clock = new FakeClock()
  const limits: number[] = []
  const watched: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after(delayMs, run) {
      limits.push(delayMs)
      return clock.after(delayMs, run)
    },
  }
  const said: string[] = []
  const given = {
    terminal: { ...terminal, clock: watched, print: (text: string) => void said.push(text) },
    openBus: async (_context: unknown, id: string) => new MemoryBroker().connect(id),
  }
  const command = createCompleteCommand(async () => whole, given)
  const done = command.run?.({ arguments: ['pods'], rest: ['logs', ''], options: {} })
  // Before that it reads its configuration, which takes as long as it takes.
  await eventually('the question has been asked, with a limit', () => limits.some(delayMs => delayMs < 3000))
  // The answer's time, and that of a goodbye. Without a limit of its own the question would wait for 10 s.
  for (let passedMs = 0; passedMs < 3000; passedMs += 100) await clock.advance(100)
  t.is(await done, 0)
  t.deepEqual(said.join(''), '')
})

test('a line that is not finished is read by the words of its command', t => {
  t.deepEqual(readLine(sample, ['get', '-n', 'shop', 'pods', '--output=wide', '-w', 'x']), {
    options: { namespace: 'shop', output: 'wide', watch: true },
    arguments: ['pods'],
    current: 'x',
  })
  t.deepEqual(readLine(sample, ['config', '--dir', '/x', 'use', 'a', '']), {
    options: { dir: '/x' },
    arguments: ['a'],
    current: '',
  })
  // -wn: the last letter takes the value. --wait takes none but by =. An unknown option takes none.
  t.deepEqual(readLine(sample, ['get', '-wn', 'shop', '--wait', '--what', 'pods', '']).arguments, ['pods'])
  t.deepEqual(readLine(sample, []), { options: {}, arguments: [], current: '' })
})

test('each live question is one that can be answered', t => {
  const special = ['contexts', 'containers', 'resources', 'pods']
  for (const place of listPlaces(whole)) {
    const answers = [
      ...place.arguments.map(argument => completesArgument(place, argument)),
      ...place.options.map(option => completesOption(place, option)),
    ]
    for (const answer of answers)
      if (answer.from === 'live')
        t.true(special.includes(answer.what) || findKindByName(answer.what) !== undefined, answer.what)
  }
})

test('the arguments that name what the cluster has are completed', t => {
  const nothing = listPlaces(whole).flatMap(place =>
    place.arguments
      .filter(argument => completesArgument(place, argument).from === 'nothing')
      .map(argument => [...place.path, argument.name].join(' ')),
  )
  // Names that a person makes up, and words that belong to another program.
  const free = nothing.filter(where => !/^(create|user create|auth can-i) |^exec command$/.test(where))
  t.deepEqual(free, [], 'give it a row in cli/manual/what-completes.ts')
})
