import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { ContainerSecurity, PullCredentials } from '../../../agent/runtime/runtime.ts'
import { toSecurityMessage } from '../../../agent/runtime/security.ts'
import { CodedError } from '../../../kit/errors.ts'
import { type BoardHarness, startScript, useBoard } from './harness.ts'
import { containerOf, waitForExit } from './runtime-contract.ts'

const start = useBoard(test, 'security')

/** What a container that may do as `security` says prints. */
async function say(
  harness: BoardHarness,
  { name, script, security }: { name: string; script: string; security?: ContainerSecurity },
): Promise<string> {
  const { runtime, image } = harness
  const sandbox = { ...harness.sandbox(name), privileged: security?.privileged ?? false }
  const sandboxId = await runtime.runSandbox(sandbox)
  const container = { ...containerOf(image, 'main', script), ...(security && { security }) }
  const id = await runtime.createContainer(sandboxId, container, sandbox)
  await runtime.startContainer(id)
  await waitForExit(runtime, id)
  const log = await readFile(join(sandbox.logDirectory, 'main/0.log'), 'utf8')
  const lines = log.split('\n').map(line => line.split(' ').slice(3).join(' '))
  return lines.join('\n').trim()
}

const status = 'grep -E "^(Uid|Gid|Groups|CapBnd|CapEff|NoNewPrivs|Seccomp):" /proc/self/status'

async function statusOf(harness: BoardHarness, name: string, security?: ContainerSecurity) {
  const text = await say(harness, { name, script: status, ...(security && { security }) })
  const fields = text.split('\n').map(line => line.split(/:\s*/) as [string, string])
  return Object.fromEntries(fields.map(([field, value = '']) => [field, value.trim().replaceAll('\t', ' ')]))
}

const onBoard = (title: string, proof: (t: ExecutionContext, harness: BoardHarness) => Promise<void>): void =>
  test(title, async t => {
    const harness = await start(t)
    if (harness) await proof(t, harness)
  })

const bit = (mask: string | undefined, capability: number): boolean =>
  ((BigInt(`0x${mask}`) >> BigInt(capability)) & 1n) === 1n
const netRaw = 13
const netAdmin = 12
const sysAdmin = 21

onBoard('a container that asks for nothing has a seccomp filter and gains no privileges', async (t, harness) => {
  const found = await statusOf(harness, 'plain')
  // 2: SECCOMP_MODE_FILTER (prctl(2)).
  t.like(found, { Seccomp: '2', NoNewPrivs: '1' })
  t.false(bit(found['CapBnd'], sysAdmin))
  t.is(found['Uid']?.split(' ')[0], '65534', 'the user of the image')
})

onBoard('what a manifest asks for is had: users, groups, capabilities', async (t, harness) => {
  const found = await statusOf(harness, 'asked', {
    ...{ runAsUser: 0, runAsGroup: 3000, supplementalGroups: [4000, 5000] },
    capabilities: { add: ['NET_ADMIN'], drop: ['NET_RAW'] },
  })
  t.like(found, { Uid: '0 0 0 0', Gid: '3000 3000 3000 3000', Groups: '3000 4000 5000', Seccomp: '2', NoNewPrivs: '1' })
  t.true(bit(found['CapEff'], netAdmin))
  t.false(bit(found['CapBnd'], netRaw))
})

onBoard('all capabilities can be dropped, and a few of them kept', async (t, harness) => {
  const found = await statusOf(harness, 'few', {
    runAsUser: 0,
    capabilities: { add: ['NET_RAW'], drop: ['ALL'] },
  })
  t.is(BigInt(`0x${found['CapBnd']}`), 1n << BigInt(netRaw))
})

onBoard('escalation and no filter are there for those who ask', async (t, harness) => {
  const found = await statusOf(harness, 'open', { allowPrivilegeEscalation: true, seccomp: 'Unconfined' })
  t.like(found, { Seccomp: '0', NoNewPrivs: '0' })
})

onBoard('a privileged container has all of it', async (t, harness) => {
  const found = await statusOf(harness, 'privileged', { privileged: true, runAsUser: 0 })
  t.like(found, { Seccomp: '0', NoNewPrivs: '0' })
  t.true(bit(found['CapEff'], sysAdmin))
})

onBoard('a read-only root takes no file; else it does', async (t, harness) => {
  const script = 'echo x > /tmp/x && echo written || echo refused'
  const closed = await say(harness, { name: 'closed', script, security: { readOnlyRootfs: true } })
  t.regex(closed, /Read-only file system/)
  t.regex(closed, /^refused$/m)
  t.is(await say(harness, { name: 'writable', script }), 'written')
})

onBoard(
  'what the kernel tells of the board is hidden, and what would change it is closed to root too',
  async (t, harness) => {
    const files = ['/proc/sys/kernel/core_pattern', '/proc/irq/default_smp_affinity']
    const writes = files.map(file => `echo x > ${file} && echo written`).join('; ')
    const security = { runAsUser: 0, capabilities: { add: ['ALL'], drop: [] } }
    const text = await say(harness, { name: 'masked', script: `${writes}; cat /proc/keys; echo end`, security })
    t.is(text.match(/Read-only file system/g)?.length, 2, text)
    // /proc/keys tells at least of the reader's own, where it is not masked.
    t.deepEqual(
      text.split('\n').filter(line => !line.startsWith('sh: ')),
      ['end'],
    )
  },
)

onBoard('the user of an image is known before a container of it is made', async (t, { runtime, image }) => {
  t.is((await runtime.imageStatus(image))?.user, 65_534)
})

onBoard('who a pull is for is told to the registry, and to nobody who does not ask', async (t, { board, runtime }) => {
  const right = `Basic ${Buffer.from('robot:pass:word').toString('base64')}`
  const guarded = `require('http').createServer((q, r) => q.headers.authorization === '${right}'
    ? r.writeHead(404).end()
    : r.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()).listen(5011, '127.0.0.1', () => console.log('up'))`
  await startScript(board, ['--input-type=commonjs', '-e', guarded])
  const pull = async (credentials?: PullCredentials): Promise<unknown> =>
    (await t.throwsAsync(runtime.pullImage('127.0.0.1:5011/private:1', { credentials }), { instanceOf: CodedError }))
      ?.code
  t.is(await pull(), 'Unauthorized')
  t.is(await pull({ username: 'robot', password: 'wrong' }), 'Unauthorized')
  t.is(await pull({ username: 'robot', password: 'pass:word' }), 'NotFound')
})

test('a kernel without seccomp gets no profile, for it could start no container with one', t => {
  const board = { seccomp: false }
  t.false('seccomp' in toSecurityMessage({}, board))
  t.false('seccomp' in toSecurityMessage({ seccomp: { path: '/x.json' } }, board))
  t.true(toSecurityMessage({}, board).noNewPrivs)
})

test('a profile of the board is named by its file', t => {
  const message = toSecurityMessage({ seccomp: { path: '/x.json' } }, { seccomp: true })
  t.like(message, { seccomp: { profileType: 2, localhostRef: '/x.json' } })
})
