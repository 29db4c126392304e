/** Mosquitto instead of the built-in broker: the same master, boards and CLI, by the rules that the master keeps for it. */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { canUseLab } from '../cli/lab/harness.ts'
import { hasMosquitto } from '../kit/bus/mosquitto.ts'
import { Fleet, waitFor } from '../support/fleet.ts'

test('boards join at Mosquitto, meet there again after each part was killed, and nobody who was revoked gets in', async t => {
  t.timeout(170_000)
  if (!(await canUseLab(t)) || !hasMosquitto(t)) return
  const fleet = new Fleet()
  try {
    await fleet.onLab('up', '--boards', '2', '--broker', 'mosquitto')
    t.regex(await fleet.sh('master', 'cat /proc/$(cat /run/broker.pid)/comm'), /^mosquitto$/m)
    const line = await fleet.sh('board-1', 'ls /var/lib/flotilla')
    t.false(line.split('\n').includes('join'), 'the line is gone')
    await runPod(fleet, 'one')
    const containers = await fleet.containerIds('board-1')

    for (const part of ['broker', 'master'] as const) await restart(fleet, 'master', part)
    await restart(fleet, 'board-1', 'agent')
    await runPod(fleet, 'two')
    const now = await fleet.containerIds('board-1')
    for (const id of containers) t.true(now.includes(id), 'no container was made anew')
    t.is(await fleet.run('exec', 'one', '--', 'sh', '-c', 'echo through the broker'), 'through the broker\n')

    const out = join(fleet.lab.dir, 'board-1', 'curious.yaml')
    await fleet.run('user', 'create', 'curious', '--role', 'view', '-n', 'default', '--out', out)
    await waitFor('the user to be known', async () => (await fleet.try('get', 'pods', '--config', out)).status === 0)
    await fleet.run('user', 'revoke', 'curious', '-y')
    await waitFor('the list of the revoked', async () => {
      const { status, stderr } = await fleet.try('get', 'pods', '--config', out)
      return status === 1 && /cannot log in|cannot reach/.test(stderr)
    })
    const acl = await readFile(join(fleet.lab.dir, 'master', 'data', 'broker', 'acl'), 'utf8')
    t.false(acl.includes('curious'))
    t.true(acl.includes('user system:node:board-2'))
    t.false(existsSync(join(fleet.lab.dir, 'board-2', 'flotilla', 'join')))
  } finally {
    await fleet.down()
  }
  t.deepEqual(fleet.lab.traces(), [], 'nothing stays on the machine')
})

async function restart(fleet: Fleet, machine: string, part: 'broker' | 'master' | 'agent'): Promise<void> {
  const pid = await fleet.sh(machine, `cat /run/${part}.pid`)
  await fleet.sh(machine, `kill -9 ${pid}`)
  await waitFor(`another ${part}`, async () => (await fleet.sh(machine, `cat /run/${part}.pid`)) !== pid)
  await waitFor(`the fleet after ${part} was killed`, async () => {
    const { stdout, status } = await fleet.try('get', 'nodes', '--no-headers')
    return status === 0 && (stdout.match(/ Ready /g) ?? []).length === 2
  })
}

async function runPod(fleet: Fleet, name: string): Promise<void> {
  const image = 'flotilla.dev/hello:1'
  const spec = {
    terminationGracePeriodSeconds: 2,
    nodeName: 'board-1',
    containers: [{ name: 'main', image, imagePullPolicy: 'IfNotPresent' }],
  }
  const file = join(fleet.lab.dir, 'board-1', `${name}.json`)
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec }))
  await waitFor(`the pod ${name}`, async () => {
    await fleet.try('apply', '-f', file)
    const { stdout } = await fleet.try('get', 'pods', '--no-headers')
    return new RegExp(`${name} +1/1 +Running`).test(stdout)
  })
}
