import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { kindNamed, targetOf } from '../../cli/resource-args.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import { adminOf, apiOf, connectAs, folder, makeUser, newCsr, runMaster } from './running-master.ts'

test('over the wire a user does what his roles say, and the audit log has it', async t => {
  const data = await folder(t)
  const master = await runMaster(t, data)
  const admin = await adminOf(master)
  const adminApi = await apiOf(t, connectAs(t, admin), 'admin')
  const users = kindNamed('users')
  await adminApi.create(targetOf(users, undefined), makeUser('bob') as unknown as AnyObject)
  const { csr, key } = await newCsr()
  const { certificate } = await adminApi.sign(targetOf(users, undefined, 'bob'), csr)
  const bob = { ...admin, certificate, key }
  const api = await apiOf(t, connectAs(t, bob), 'bob')
  const maps = targetOf(kindNamed('configmaps'), 'default')
  const words =
    'configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" in the namespace "default"'
  await t.throwsAsync(api.list(maps), { code: 'Forbidden', message: words })
  const apiGroup = 'rbac.authorization.k8s.io'
  const binding = {
    apiVersion: `${apiGroup}/v1`,
    kind: 'RoleBinding',
    metadata: { name: 'bob', namespace: 'default' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'User', apiGroup, name: 'bob' }],
  }
  await adminApi.create(targetOf(kindNamed('rolebindings'), 'default'), binding as AnyObject)
  t.deepEqual((await api.list(maps)).items, [])
  await t.throwsAsync(api.list(targetOf(kindNamed('secrets'), 'default')), { code: 'Forbidden' })
  await master.stop()
  const path = join(data, 'audit', 'audit.log')
  t.is((await stat(path)).mode & 0o777, 0o600)
  const lines = (await readFile(path, 'utf8')).split('\n').filter(Boolean)
  const told = lines
    .map(line => JSON.parse(line))
    .map(({ user, verb, resource, code }) => `${user} ${verb} ${resource} ${code}`)
  t.deepEqual(told, [
    'admin create users OK',
    'admin create users OK',
    'bob list configmaps Forbidden',
    'admin create rolebindings OK',
    'bob list secrets Forbidden',
  ])
  t.true(lines.every(line => typeof JSON.parse(line).client === 'string'))
})
