import test from 'ava'
import { Lifecycle, type Part } from '../../kit/lifecycle.ts'
import { createLog, silentLog } from '../../kit/log.ts'

function partsInto(events: string[], failing: { start?: string; stop?: string } = {}): Part[] {
  return ['store', 'broker', 'api'].map(name => ({
    name,
    start: () => {
      if (failing.start === name) throw new Error('no luck')
      events.push(`+${name}`)
    },
    stop: async () => {
      if (failing.stop === name) throw new Error('stuck')
      events.push(`-${name}`)
    },
  }))
}

test('parts start in order and stop in reverse, once', async t => {
  const events: string[] = []
  const life = new Lifecycle(silentLog)
  await life.start(partsInto(events))
  await life.stop()
  await life.stop()
  t.deepEqual(events, ['+store', '+broker', '+api', '-api', '-broker', '-store'])
})

test('when a part cannot start, those before it are stopped and the error names it', async t => {
  const events: string[] = []
  const error = await t.throwsAsync(new Lifecycle(silentLog).start(partsInto(events, { start: 'api' })))
  t.is(error.message, 'cannot start api: no luck')
  t.is((error.cause as Error).message, 'no luck')
  t.deepEqual(events, ['+store', '+broker', '-broker', '-store'])
})

test('a part that cannot stop is reported and keeps no other up', async t => {
  const [events, lines]: [string[], string[]] = [[], []]
  const life = new Lifecycle(createLog({ write: line => lines.push(line) }))
  await life.start(partsInto(events, { stop: 'broker' }))
  await life.stop()
  t.deepEqual(events.slice(3), ['-api', '-store'])
  t.regex(lines.join(''), /cannot stop broker error=stuck/)
})
