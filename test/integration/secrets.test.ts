/** A planted secret is used by a pod, looked at, changed, misspelt and rotated; then every byte that master and agents wrote is searched for it. */
import { readFileSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { helloImage } from '../../images/hello.ts'
import { systemRandom } from '../../kit/random.ts'
import { buildArena } from '../attack/build-arena.ts'
import { runAttacks, writeArena } from '../attack/run-attacks.ts'
import { canStartBoard } from '../support/board.ts'
import { Fleet, waitFor } from '../support/fleet.ts'

const fleet = new Fleet()
/** Outside the lab's folder: that is searched. */
const manifestFile = `${fleet.lab.dir}-manifest.json`
const secret = `planted-${systemRandom.suffix(30)}`
const second = `planted-${systemRandom.suffix(30)}`

test.before(async t => {
  t.timeout(180_000)
  if (!canStartBoard(t)) return
  await fleet.onLab('up')
})

test.after.always(async () => {
  await fleet.down()
  await rm(manifestFile, { force: true })
})

test.serial('a secret reaches the pod that mentions it, and no file, log, event or foreign topic', async t => {
  t.timeout(180_000)
  if (!canStartBoard(t)) return
  await apply([secretOf(secret), deployment])
  await fleet.run('rollout', 'status', 'deployment/keeper', '--timeout', '60s')
  const [pod] = await fleet.pods()
  const name = pod?.metadata.name ?? ''
  const read = (): Promise<string> => fleet.run('exec', name, '--', '/bin/cat', '/planted/key')
  t.is(await read(), secret)

  // What people do with secrets, right and wrong.
  t.false((await fleet.run('describe', 'secret', 'planted')).includes(secret))
  const misspelt = await writeManifest([{ ...secretOf(secret), stringData: { key: { oops: secret } } }])
  const refused = await fleet.try('apply', '-f', misspelt)
  t.not(refused.status, 0)
  t.false(`${refused.stdout}${refused.stderr}`.includes(secret), 'the error repeats the secret')
  await apply([secretOf(second)])
  await waitFor('the new contents', async () => (await read()) === second, 60_000)
  await fleet.run('secrets', 'rotate')
  t.is(await read(), second)
  t.false((await fleet.run('events', '-A')).includes('planted-'))

  // The agent and the master begin anew from what they have written down.
  await fleet.sh('board-1', 'kill -9 $(cat /run/agent.pid)')
  await fleet.sh('master', 'kill -9 $(cat /run/master.pid)')
  await waitFor(
    'the fleet again',
    async () => (await fleet.try('exec', name, '--', '/bin/cat', '/planted/key')).stdout === second,
    60_000,
  )

  const files = await filesOf(['master', 'board-1', 'board-2', 'board-3'])
  t.true(files.length > 30, `only ${files.length} files: is this the folder?`)
  t.true(files.some(file => file.includes('/store/')) && files.some(file => file.endsWith('agent.log')))
  const leaks = files.flatMap(file => findForms(readFileSync(file)).map(form => `${file}: ${form}`))
  t.deepEqual(leaks, [])
})

test.serial('the search finds what is there', t => {
  if (!canStartBoard(t)) return
  t.deepEqual(findForms(Buffer.from(`x${secret}y`)), ['plain'])
  t.deepEqual(findForms(Buffer.from(JSON.stringify({ a: Buffer.from(`{"key":"${second}"}`).toString('base64') }))), [
    'base64',
  ])
})

test.serial('another board hears nothing of it, whatever it listens to', async t => {
  t.timeout(180_000)
  if (!canStartBoard(t)) return
  const arena = await buildArena(fleet, 'board-3')
  await writeArena(fleet, { ...arena, secret: second })
  const outcomes = await runAttacks(fleet, { board: 'board-3', kind: 'nodes' })
  t.regex(outcomes.get('a node looks for the planted secret in all that it may hear') ?? '', /none with the secret$/)
})

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'keeper' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'keeper' } },
    template: {
      metadata: { labels: { app: 'keeper' } },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': 'board-1' },
        containers: [
          {
            name: 'hello',
            image: helloImage,
            volumeMounts: [{ name: 'planted', mountPath: '/planted', readOnly: true }],
          },
        ],
        volumes: [{ name: 'planted', secret: { secretName: 'planted' } }],
      },
    },
  },
}

function secretOf(value: string): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'planted' }, stringData: { key: value } }
}

async function apply(objects: object[]): Promise<void> {
  await fleet.run('apply', '-f', await writeManifest(objects))
}

async function writeManifest(objects: object[]): Promise<string> {
  await writeFile(manifestFile, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), { mode: 0o600 })
  return manifestFile
}

/** Of these machines, all that is on their disks but for containerd's own, which is not ours to write. */
async function filesOf(machines: string[]): Promise<string[]> {
  const found: string[] = []
  for (const machine of machines) {
    const folder = join(fleet.lab.dir, machine)
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      const isForeign = path.startsWith(join(folder, 'containerd')) || path.startsWith(join(folder, 'stage'))
      if (entry.isFile() && !isForeign) found.push(path)
    }
  }
  return found
}

/** In which forms one of the secrets is in the bytes: plain, or in base64 at any of its three offsets. */
function findForms(bytes: Buffer): string[] {
  const forms = [secret, second].flatMap(value => [
    { name: 'plain', text: value },
    // Without the ends, which depend on what stands beside.
    ...[0, 1, 2].map(offset => ({
      name: 'base64',
      text: Buffer.from('x'.repeat(offset) + value)
        .toString('base64')
        .slice(4, -4),
    })),
  ])
  return [...new Set(forms.filter(({ text }) => bytes.includes(text)).map(({ name }) => name))]
}
