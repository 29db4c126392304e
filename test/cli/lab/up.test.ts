import test from 'ava'
import { findProgram } from '../../../cli/lab/program.ts'
import { readyNodes, revokedNodes } from '../../../cli/lab/up.ts'

const node = (name: string, status: string): unknown => ({
  metadata: { name },
  status: {
    conditions: [
      { type: 'MemoryPressure', status: 'True' },
      { type: 'Ready', status },
    ],
  },
})

test('only nodes that say Ready: True are ready', t => {
  const items = [node('a', 'True'), node('b', 'Unknown'), node('c', 'False'), { metadata: { name: 'd' } }]
  t.deepEqual(readyNodes(JSON.stringify({ kind: 'List', items })), ['a'])
  t.deepEqual(readyNodes('{}'), [])
})

test('only identities that say so are revoked', t => {
  const items = [
    { metadata: { name: 'a' }, spec: { revoked: true } },
    { metadata: { name: 'b' }, spec: {} },
  ]
  t.deepEqual(revokedNodes(JSON.stringify({ items })), ['a'])
  t.deepEqual(revokedNodes('{}'), [])
})

test('the launcher says what to start; without one it is the script that Node runs', t => {
  t.deepEqual(findProgram({ FLOTILLA_PROGRAM: '/opt/flotilla' }, []), ['/opt/flotilla'])
  t.deepEqual(findProgram({}, ['node', import.meta.filename]), [process.execPath, import.meta.filename])
})
