import test from 'ava'
import type { WatchOptions } from '../../cli/api-client.ts'
import { type Follow, follow } from '../../cli/follow.ts'
import type { WatchFrame } from '../../contract/wire/api.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'

const object = (name: string, resourceVersion: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, resourceVersion },
})
const added = (name: string, version: string): WatchFrame => ({ type: 'ADDED', object: object(name, version) })
const bookmark = (resourceVersion: string): WatchFrame => ({ type: 'BOOKMARK', resourceVersion })
const lost = new CodedError('ServiceUnavailable', 'lost')

/** Each watch gives its frames, then ends with its error; the last one ends everything. */
function script(turns: Array<{ frames: WatchFrame[]; error?: Error }>): {
  follow: Follow
  asked: Array<string | undefined>
} {
  const end = new AbortController()
  const asked: Array<string | undefined> = []
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_delay, run) => {
      setImmediate(run)
      return () => undefined
    },
  }
  const api = {
    async *watch(_target: unknown, options: WatchOptions = {}) {
      asked.push(options.resourceVersion)
      const turn = turns.shift()
      yield* turn?.frames ?? []
      if (turns.length === 0) end.abort()
      if (turn?.error) throw turn.error
    },
  }
  const target = { resource: 'pods', group: '' }
  return { follow: { api, clock, target, options: { signal: end.signal } }, asked }
}

async function names(given: Follow): Promise<string[]> {
  const seen: string[] = []
  for await (const change of follow(given)) seen.push(change.object.metadata.name)
  return seen
}

test('it resumes after the last change that it saw', async t => {
  const { follow: given, asked } = script([
    { frames: [added('a', '9'), bookmark('10'), added('b', '12')], error: lost },
    { frames: [added('c', '13')], error: lost },
    { frames: [added('d', '14')] },
  ])
  t.deepEqual(await names(given), ['a', 'b', 'c', 'd'])
  t.deepEqual(asked, [undefined, '12', '13'])
})

test('cut off while it is told what there is, it starts again: those versions are in no order', async t => {
  const { follow: given, asked } = script([
    { frames: [added('z', '90')], error: lost },
    { frames: [added('a', '5'), bookmark('95')] },
  ])
  t.deepEqual(await names(given), ['z', 'a'])
  t.deepEqual(asked, [undefined, undefined])
})

test('a bookmark moves it on', async t => {
  const { follow: given, asked } = script([{ frames: [bookmark('10'), bookmark('50')], error: lost }, { frames: [] }])
  await names(given)
  t.deepEqual(asked, [undefined, '50'])
})

test('when its version is forgotten it lists anew, and says so', async t => {
  const expired: WatchFrame = { type: 'ERROR', error: { code: 'Expired', message: 'too old' } }
  const { follow: given, asked } = script([{ frames: [bookmark('10'), expired] }, { frames: [added('a', '99')] }])
  let restarts = 0
  t.deepEqual(await names({ ...given, onRestart: () => restarts++ }), ['a'])
  t.deepEqual(asked, [undefined, undefined])
  t.is(restarts, 1)
})

test('a refusal is final', async t => {
  const { follow: given } = script([{ frames: [], error: new CodedError('Forbidden', 'no') }, { frames: [] }])
  await t.throwsAsync(names(given), { code: 'Forbidden' })
})

test('a master that stays away is given up after a while', async t => {
  const { follow: given, asked } = script(Array.from({ length: 40 }, () => ({ frames: [], error: lost })))
  await t.throwsAsync(names(given), { code: 'ServiceUnavailable' })
  t.is(asked.length, 21)
})
