import test from 'ava'
import { ServiceAccountTokens, type TokenWant } from '../../../agent/volumes/service-account-tokens.ts'
import { CodedError } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { createLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute

const wantOf = (more: Partial<TokenWant> = {}): TokenWant => ({
  ...{ namespace: 'default', serviceAccount: 'robot', audience: undefined, expirationSeconds: 3600 },
  ...{ pod: { name: 'web', uid: 'uid-web' }, ...more },
})

/** As the master makes them, but for the signature. */
const tokenOf = (claims: Record<string, unknown>): string =>
  ['{}', JSON.stringify(claims), 'signature'].map(part => Buffer.from(part).toString('base64url')).join('.')

/** One whose timers come a little early, as those of Node do for parts of a millisecond. */
class HastyClock extends FakeClock {
  override after(delayMs: number, run: () => void) {
    return super.after(delayMs > 1 ? delayMs - 0.9 : delayMs, run)
  }
}

function setScene() {
  const clock = new HastyClock()
  const asked: TokenWant[] = []
  const told: string[] = []
  const missing: string[] = []
  const lines: string[] = []
  const master = {
    state: 'there' as 'there' | 'away' | 'silent',
    lifeSeconds: 3600,
    audience: 'flotilla',
  }
  const tokens = new ServiceAccountTokens({
    async ask(want, signal) {
      asked.push(want)
      if (master.state === 'away') throw new CodedError('ServiceUnavailable', 'cannot ask: because nobody is there')
      if (master.state === 'silent') await new Promise((_, reject) => signal.addEventListener('abort', reject))
      // Its clock is another than ours.
      const iat = 1_000_000 + asked.length
      return { token: tokenOf({ iat, exp: iat + master.lifeSeconds, aud: want.audience ?? master.audience }) }
    },
    ...{ clock, random: seededRandom(1), log: createLog({ level: 'debug', clock, write: line => lines.push(line) }) },
    onToken: uid => told.push(uid),
    onMissing: (want, reason) => missing.push(`${want.pod.name}: ${reason}`),
  })
  return { clock, asked, told, missing, lines, master, tokens }
}

test('a token is asked for once, and kept for all the containers of its pod', async t => {
  const { tokens, asked } = setScene()
  const [first, second] = await Promise.all([tokens.find(wantOf()), tokens.find(wantOf())])
  t.truthy(first)
  t.is(first, second)
  t.is(await tokens.find(wantOf()), first)
  t.is(asked.length, 1)
})

test('another audience, another life and another pod are other tokens', async t => {
  const { tokens, asked } = setScene()
  await tokens.find(wantOf())
  await tokens.find(wantOf({ audience: 'vault' }))
  await tokens.find(wantOf({ expirationSeconds: 600 }))
  await tokens.find(wantOf({ pod: { name: 'web', uid: 'uid-next' } }))
  t.is(asked.length, 4)
})

test('it is renewed before four fifths of its life are over, and the pod is told', async t => {
  const { tokens, clock, asked, told } = setScene()
  const first = await tokens.find(wantOf())
  t.is(told.length, 1)
  await clock.advance(0.69 * hour)
  t.is(asked.length, 1)
  await clock.advance(0.12 * hour)
  t.is(asked.length, 2)
  t.deepEqual(told, ['uid-web', 'uid-web'])
  t.not(await tokens.find(wantOf()), first)
})

test("how long it lives is told by the token's own times, not by the board's clock nor by what was asked for", async t => {
  const { tokens, clock, asked, master } = setScene()
  master.lifeSeconds = 600
  await tokens.find(wantOf({ expirationSeconds: 86_400 }))
  await clock.advance(9 * minute)
  t.is(asked.length, 2)
})

test('with the master away a pod starts at once, and gets its token when the master is back', async t => {
  const { tokens, clock, told, master, missing } = setScene()
  master.state = 'away'
  t.is(await tokens.find(wantOf()), undefined)
  t.is(clock.monotonic(), 0)
  t.is(missing.length, 1)
  t.regex(missing[0] ?? '', /^web: cannot ask: because nobody is there$/)
  t.is(await tokens.find(wantOf()), undefined, 'the next container waits no more')
  await clock.advance(5 * minute)
  master.state = 'there'
  await clock.advance(minute)
  t.deepEqual(told, ['uid-web'])
  t.truthy(await tokens.find(wantOf()))
  t.is(missing.length, 1)
})

test('a master that is back is asked within a second or so, however long it was away', async t => {
  const { tokens, clock, told, master } = setScene()
  master.state = 'away'
  await tokens.find(wantOf())
  await clock.advance(10 * minute)
  master.state = 'there'
  tokens.retry()
  await clock.advance(second)
  t.deepEqual(told, ['uid-web'])
  tokens.retry()
  await clock.advance(minute)
  t.is(told.length, 1, 'what is there is not asked for again')
})

test('a master that does not answer is waited for two seconds, once', async t => {
  const { tokens, clock, master } = setScene()
  master.state = 'silent'
  const found = { settled: false, token: undefined as string | undefined }
  void tokens.find(wantOf()).then(token => Object.assign(found, { settled: true, token }))
  await clock.advance(1.9 * second)
  t.false(found.settled)
  await clock.advance(0.2 * second)
  t.like(found, { settled: true, token: undefined })
  t.is(await tokens.find(wantOf()), undefined)
  master.state = 'there'
  await clock.advance(2 * minute)
  t.truthy(await tokens.find(wantOf()))
})

test('a master that is away is asked less and less often, and at least each minute', async t => {
  const { tokens, clock, asked, master } = setScene()
  master.state = 'away'
  await tokens.find(wantOf())
  await clock.advance(hour)
  t.true(asked.length >= 60 && asked.length < 150, `${asked.length} times in an hour`)
  const before = asked.length
  await clock.advance(minute)
  t.true(asked.length > before)
})

test('while the master is away the old token stays: it may still be good', async t => {
  const { tokens, clock, master } = setScene()
  const first = await tokens.find(wantOf())
  master.state = 'away'
  await clock.advance(2 * hour)
  t.is(await tokens.find(wantOf()), first)
})

test('a token of an agent before this one serves until there is a new one, which is asked for at once', async t => {
  const { tokens, clock, asked, told } = setScene()
  t.is(await tokens.find(wantOf(), 'held'), 'held')
  await clock.advance(1)
  t.is(asked.length, 1)
  t.deepEqual(told, ['uid-web'])
  t.not(await tokens.find(wantOf()), 'held')
})

test('a token that is for the cluster itself is not taken for one that is to be shown to others', async t => {
  const scene = setScene()
  const { tokens, missing } = scene
  const wanted = wantOf({ audience: 'vault' })
  const cheated = new ServiceAccountTokens({
    ask: async () => ({ token: tokenOf({ iat: 0, exp: 3600, aud: 'flotilla' }) }),
    ...{ clock: scene.clock, random: seededRandom(1), log: createLog({ write: () => undefined }) },
    ...{ onToken: () => undefined, onMissing: (_, reason) => missing.push(reason) },
  })
  t.is(await cheated.find(wanted), undefined)
  t.regex(missing[0] ?? '', /audience/)
  t.truthy(await tokens.find(wanted))
})

test('what is no token is none, and is not repeated in any message', async t => {
  const { clock } = setScene()
  const said: string[] = []
  const tokens = new ServiceAccountTokens({
    ask: async () => ({ token: `x.${Buffer.from('PLANTED').toString('base64url')}.y` }),
    ...{ clock, random: seededRandom(1), onToken: () => undefined },
    log: createLog({ level: 'debug', clock, write: line => said.push(line) }),
    onMissing: (_, reason) => said.push(reason),
  })
  t.is(await tokens.find(wantOf()), undefined)
  t.true(said.length > 0)
  t.false(said.join().includes('PLANTED'))
})

test('no token is ever in the log', async t => {
  const { tokens, clock, lines, master } = setScene()
  const token = (await tokens.find(wantOf())) ?? ''
  master.state = 'away'
  await clock.advance(2 * hour)
  t.true(lines.length > 0)
  t.false(lines.some(line => line.includes(token.slice(0, 20))))
})

test('after a pod has gone nothing is asked for it', async t => {
  const { tokens, clock, asked } = setScene()
  await tokens.find(wantOf())
  tokens.forget('uid-web')
  await clock.advance(2 * hour)
  t.is(asked.length, 1)
})

test('after a long absence of the master its boards do not ask for everything at once', async t => {
  const { tokens, clock, asked, master } = setScene()
  for (let pod = 0; pod < 40; pod++) await tokens.find(wantOf({ pod: { name: `p${pod}`, uid: `uid-${pod}` } }))
  master.state = 'silent'
  await clock.advance(0.81 * hour)
  t.is(asked.length - 40 <= 4 * Math.ceil((0.11 * hour) / (10 * second)), true, `${asked.length - 40} asked`)
})

test('a thousand tokens are more than a board needs', async t => {
  const { tokens } = setScene()
  for (let pod = 0; pod < 1000; pod++) await tokens.find(wantOf({ pod: { name: 'p', uid: `uid-${pod}` } }))
  const error = await t.throwsAsync(tokens.find(wantOf({ audience: 'one more' })), { instanceOf: CodedError })
  t.is(error?.code, 'TooManyRequests')
})

test('stopping ends it', async t => {
  const { tokens, clock, asked } = setScene()
  await tokens.find(wantOf())
  tokens.stop()
  await clock.advance(3 * hour)
  t.is(asked.length, 1)
})
