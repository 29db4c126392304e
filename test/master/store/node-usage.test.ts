import test from 'ava'
import { NodeUsageBoard } from '../../../master/store/node-usage.ts'

const at = (second: number, cpu: string) => ({ timestamp: `2026-01-01T00:00:0${second}Z`, usage: { cpu } })

test('the last figures of a node are served as Kubernetes’ NodeMetrics', t => {
  const board = new NodeUsageBoard()
  board.set('board-1', at(1, '100m'))
  board.set('board-1', at(2, '250m'))
  t.deepEqual(board.get('board-1'), {
    apiVersion: 'metrics.k8s.io/v1beta1',
    kind: 'NodeMetrics',
    metadata: { name: 'board-1', creationTimestamp: '2026-01-01T00:00:02Z' },
    timestamp: '2026-01-01T00:00:02Z',
    window: '5s',
    usage: { cpu: '250m' },
  })
})

test('all nodes come by name, and one that is forgotten is gone', t => {
  const board = new NodeUsageBoard()
  for (const node of ['board-2', 'board-10', 'board-1']) board.set(node, at(1, '1'))
  const names = (): string[] => board.all().map(({ metadata }) => metadata.name)
  t.deepEqual(names(), ['board-1', 'board-10', 'board-2'])
  board.forget('board-10')
  board.forget('never-seen')
  t.deepEqual(names(), ['board-1', 'board-2'])
  t.is(board.get('board-10'), undefined)
})
