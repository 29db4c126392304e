import test from 'ava'
import type { Pod } from '../../../contract/resources/pod.ts'
import { isPodActive, isPodReady } from '../../../contract/resources/pods.ts'
import { type Random, seededRandom } from '../../../kit/random.ts'
import { makeDeployment, makeService, makeTemplate, Simulation } from '../../support/simulation.ts'

const boards = ['board-1', 'board-2', 'board-3', 'board-4']
const rounds = 25

interface World {
  simulation: Simulation
  random: Random
  cut: Set<string>
}

type Fault = (world: World) => Promise<void>

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random.number() * items.length)]!

/** What may happen to a cluster, in any order. */
const faults: Record<string, Fault> = {
  scale: ({ simulation, random }) =>
    simulation.updateDeployment('web', spec => ({ ...spec, replicas: Math.floor(random.number() * 8) })),
  roll: ({ simulation, random }) =>
    simulation.updateDeployment('web', spec => ({
      ...spec,
      template: makeTemplate('web', pick(random, ['v1', 'v2', 'v3', 'bad'])),
    })),
  cut: async ({ simulation, random, cut }) => {
    const board = pick(random, boards)
    cut.add(board)
    simulation.cut(board)
  },
  mend: async ({ simulation, cut }) => {
    for (const board of [...cut].slice(0, 1)) {
      cut.delete(board)
      await simulation.mend(board)
    }
  },
  deletePod: async ({ simulation, random }) => {
    const pods = simulation.pods()
    if (pods.length > 0) await simulation.delete(pick(random, pods))
  },
  pause: ({ simulation, random }) =>
    simulation.updateDeployment('web', spec => ({ ...spec, paused: random.number() < 0.5 })),
  restart: ({ simulation }) => simulation.restart(),
}

/** Whatever has happened: with all boards back and a version that works, the wish becomes true, and nothing else is left. */
for (const seed of Array.from({ length: 12 }, (_, index) => 1000 + index)) {
  test(`any sequence of faults ends in what was asked for (seed ${seed})`, async t => {
    const random = seededRandom(seed)
    const simulation = new Simulation(seed)
    const world: World = { simulation, random, cut: new Set() }
    simulation.boards.brokenImages.add('web:bad')
    await simulation.start()
    t.teardown(() => simulation.stop())
    for (const board of boards) await simulation.addBoard(board)
    await simulation.objects.create(makeDeployment('web', 4))
    await simulation.objects.create(makeService('web'))
    for (let round = 0; round < rounds; round++) {
      const name = pick(random, Object.keys(faults))
      t.log(`${round}: ${name}`)
      await faults[name]!(world)
      await simulation.run(random.number() * 600)
    }
    for (const board of world.cut) await simulation.mend(board)
    await simulation.updateDeployment('web', spec => ({
      ...spec,
      paused: false,
      replicas: 5,
      template: makeTemplate('web', 'final'),
    }))
    await simulation.settle()
    const pods = simulation.pods()
    t.is(pods.length, 5)
    t.true(pods.every(pod => isPodActive(pod) && isPodReady(pod) && imageOf(pod) === 'web:final'))
    t.deepEqual(simulation.endpoints(), pods.map(pod => pod.metadata.name).sort())
    t.true(boards.every(board => simulation.node(board).spec.taints === undefined))
    t.like(simulation.deployment().status, { replicas: 5, updatedReplicas: 5, availableReplicas: 5 })
    t.deepEqual(simulation.complaints, [])
  })
}

function imageOf(pod: Pod): string | undefined {
  return pod.spec.containers[0]?.image
}
