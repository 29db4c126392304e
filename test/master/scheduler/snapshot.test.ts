import test from 'ava'
import fc from 'fast-check'
import { ClusterSnapshot } from '../../../master/scheduler/snapshot.ts'
import { readLoad } from '../../../master/scheduler/usage.ts'
import { makeNode, makePod } from './fixtures.ts'

const podNames = ['p1', 'p2', 'p3', 'p4', 'p5']
const nodeNames = ['n1', 'n2', 'n3']

const step = fc.oneof(
  fc.record({
    type: fc.constant('addPod' as const),
    pod: fc.constantFrom(...podNames),
    node: fc.constantFrom(...nodeNames),
  }),
  fc.record({ type: fc.constant('removePod' as const), pod: fc.constantFrom(...podNames) }),
  fc.record({ type: fc.constant('setNode' as const), node: fc.constantFrom(...nodeNames) }),
  fc.record({ type: fc.constant('removeNode' as const), node: fc.constantFrom(...nodeNames) }),
)

const podOf = (name: string) =>
  makePod({ name, owner: `owner-${name.length}`, requests: { cpu: `${name.at(-1)}00m`, memory: '10Mi' } })

test('however changes come, each node counts exactly the pods that are on it', t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const snapshot = new ClusterSnapshot()
      const [model, nodes] = [new Map<string, string>(), new Set<string>()]
      for (const each of steps) {
        if (each.type === 'addPod') {
          snapshot.addPod(podOf(each.pod), each.node)
          model.set(each.pod, each.node)
        } else if (each.type === 'removePod') {
          snapshot.removePod(podOf(each.pod))
          model.delete(each.pod)
        } else if (each.type === 'setNode') {
          snapshot.setNode(makeNode(each.node), true)
          nodes.add(each.node)
        } else {
          snapshot.removeNode(each.node)
          nodes.delete(each.node)
        }
      }
      t.deepEqual(snapshot.nodes.map(node => node.name).sort(), [...nodes].sort())
      for (const node of snapshot.nodes) {
        const pods = [...model].filter(([, where]) => where === node.name).map(([name]) => name)
        t.is(snapshot.node(node.name), node)
        t.is(node.requested.pods, pods.length)
        t.is(
          node.requested.cpuMillis,
          pods.reduce((total, name) => total + Number(name.at(-1)) * 100, 0),
        )
        t.is(node.podsByOwner.get('owner-2') ?? 0, pods.length)
      }
    }),
  )
})

test('what a board uses outlives a change of its object, not its removal', t => {
  const snapshot = new ClusterSnapshot()
  snapshot.setUsage('n1', { cpuShare: 0.5, memoryShare: 0.5 })
  snapshot.setNode(makeNode('n1'), true)
  t.is(snapshot.node('n1')?.usage?.cpuShare, 0.5)
  snapshot.removeNode('n1')
  snapshot.setNode(makeNode('n1'), true)
  t.is(snapshot.node('n1')?.usage, undefined)
})

test('measurements become shares of what the board has', t => {
  const usage = { cpu: '1', memory: '1Gi', 'flotilla.dev/temperature': '61.5' }
  const metrics = { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'NodeMetrics', metadata: { name: 'n1' } } as const
  const load = readLoad(makeNode('n1'), { ...metrics, timestamp: '', window: '5s', usage })
  t.deepEqual(load, { cpuShare: 0.25, memoryShare: 0.25, temperatureCelsius: 61.5 })
  t.is(readLoad(makeNode('n1'), undefined), undefined)
})
