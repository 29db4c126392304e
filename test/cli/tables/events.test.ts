import test from 'ava'
import { byEventTime } from '../../../cli/tables/events.ts'

const [first, second] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z']

function event(name: string, resourceVersion: string, times: { firstTimestamp?: string; lastTimestamp?: string }) {
  return { apiVersion: 'v1', kind: 'Event', metadata: { name, resourceVersion, creationTimestamp: first }, ...times }
}

test('events are told in the order in which they happened, also within one second', t => {
  const once = { firstTimestamp: second, lastTimestamp: second }
  const events = [
    event('started', '101', once),
    event('pulled', '99', once),
    event('created', '100', once),
    event('repeated', '102', { firstTimestamp: first, lastTimestamp: second }),
    event('of another tool', '200', {}),
  ]
  const names = events.sort(byEventTime).map(({ metadata }) => metadata.name)
  t.deepEqual(names, ['of another tool', 'repeated', 'pulled', 'created', 'started'])
})
