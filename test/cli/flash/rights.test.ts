import { join } from 'node:path'
import test from 'ava'
import { createFleet, type FleetHarness } from '../harness.ts'
import { canUse } from './disk/loop-device.ts'
import { makeStockImage, readBoot, stockFiles } from './stock-image.ts'

const userOf = (name: string): object => ({ apiVersion: 'flotilla.dev/v1', kind: 'User', metadata: { name }, spec: {} })

/** Somebody who may let boards in, and nothing else. Resolves to his configuration. */
async function doorkeeper(fleet: FleetHarness): Promise<string> {
  await fleet.create(userOf('bob'))
  const rules = [{ apiGroups: ['flotilla.dev'], resources: ['jointokens'], verbs: ['create', 'delete'] }]
  const apiVersion = 'rbac.authorization.k8s.io/v1'
  await fleet.create({ apiVersion, kind: 'ClusterRole', metadata: { name: 'door' }, rules })
  const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'bob' }]
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'door' }
  await fleet.create({ apiVersion, kind: 'ClusterRoleBinding', metadata: { name: 'bob' }, subjects, roleRef })
  const contexts = [{ name: 'home', cluster: 'home', server: 'mqtts://test', username: 'bob' }]
  return fleet.file('bob.yaml', JSON.stringify({ contexts }))
}

test('who may make tokens and no nodes flashes all the same; labels he cannot give', async t => {
  if (!canUse(t, ['mkfs.vfat', 'mcopy', 'sfdisk'])) return
  const fleet = await createFleet(t)
  const [image, config, out] = [
    await makeStockImage(t, { files: stockFiles.own }),
    await doorkeeper(fleet),
    join(fleet.folder, 'card.img'),
  ]
  const argv = ['flash', out, '--image', image, '-b', 'rpi-4', '-H', 'board-1', '--config', config]
  const refused = await fleet.run(...argv, '--labels', 'a=b')
  t.is(refused.status, 1)
  t.regex(refused.stderr, /nodes.* is forbidden: User "bob"|forbidden/i)
  t.deepEqual(await fleet.names({ resource: 'jointokens' }), [])
  const ran = await fleet.run(...argv)
  t.is(ran.status, 0, ran.stderr)
  t.regex(ran.stderr, /board-1 will show in "get nodes" when it has joined: /)
  t.not(await readBoot(out, 'flotilla/join'), undefined)
  t.deepEqual(await fleet.names({ resource: 'nodes' }), [])
  t.is((await fleet.names({ resource: 'jointokens' })).length, 1)
})

test('who may let nobody in is told before anything is written', async t => {
  if (!canUse(t, ['mkfs.vfat', 'mcopy', 'sfdisk'])) return
  const fleet = await createFleet(t)
  const image = await makeStockImage(t, { files: stockFiles.own })
  await fleet.create(userOf('nobody'))
  const contexts = [{ name: 'home', cluster: 'home', server: 'mqtts://test', username: 'nobody' }]
  const config = await fleet.file('nobody.yaml', JSON.stringify({ contexts }))
  const ran = await fleet.run(
    'flash',
    join(fleet.folder, 'card.img'),
    '--image',
    image,
    '-b',
    'rpi-4',
    '-H',
    'a',
    '--config',
    config,
  )
  t.is(ran.status, 1)
  t.regex(ran.stderr, /forbidden/i)
})
