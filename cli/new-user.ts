/**
 * Makes a whole user: the object, its rights, its key (here, it goes nowhere), its certificate, and the file that holds them.
 * Each step may find itself done: what was interrupted is made whole by running it again.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { checkLabelName } from '../contract/resources/names.ts'
import { rbacGroup } from '../contract/resources/rbac.ts'
import { trustApiVersion, type User } from '../contract/resources/trust.ts'
import { checkUserName, usernameOf } from '../contract/wire/identity.ts'
import { topicsOf } from '../contract/wire/topics.ts'
import type { Input } from '../kit/command-line.ts'
import { makeDirectory } from '../kit/directory.ts'
import { CodedError, hasCode } from '../kit/errors.ts'
import { writePrivateFile } from '../kit/private-file.ts'
import { renderConfig } from './config-file.ts'
import type { Session } from './connect.ts'
import { readOptions } from './options.ts'
import { kindNamed, targetOf } from './resource-args.ts'
import { UsageError } from './usage-error.ts'

export interface UserPlan {
  name: string
  tool: boolean
  groups: string[]
  /** Of a ClusterRole. */
  role: string | undefined
  /** Undefined: the context's. */
  namespace: string | undefined
  allNamespaces: boolean
  /** A file; for a tool, a folder. */
  out: string
}

/** Reads the words of `user create`. Throws before anything is done: UsageError, or `AlreadyExists` for the file. */
export function planUser(input: Input): UserPlan {
  const options = readOptions(input)
  const [name = ''] = input.arguments
  const tool = options.flag('tool')
  const problem = tool ? checkLabelName(name) : checkUserName(name)
  if (problem !== undefined) throw new UsageError(`cannot use the name "${name}": ${problem}`)
  const role = options.text('role')
  if (tool && role !== undefined) throw new UsageError('a tool only listens: --role is not for it')
  const out = options.text('out') ?? (tool ? name : `${name}.flotilla.yaml`)
  if (existsSync(out) && !options.flag('force'))
    throw new CodedError(
      'BadRequest',
      `cannot write ${out}: because it is there already: name another with --out, or use --force`,
    )
  const allNamespaces = options.flag('allNamespaces')
  return { name, tool, groups: options.list('group'), role, namespace: options.text('namespace'), allNamespaces, out }
}

/** Later than any certificate: who is let in again has nothing that counts until his new key is there. */
const notYet = '9999-12-31T00:00:00Z'

/** Resolves to what there is to say about it, a line each. */
export async function makeUser(session: Session, plan: UserPlan): Promise<string[]> {
  await checkRole(session, plan.role)
  const user = await ensureUser(session, plan)
  const told = [tellBefore(plan.name, user.before), await bindRole(session, plan, user.before === undefined)]
  const { createCsr } = await import('../kit/x509.ts')
  const { name, tool } = plan
  const username = usernameOf({ kind: tool ? 'tool' : 'user', name })
  const { csr, key } = await createCsr({ commonName: username })
  if (user.isBack) await voidOlder(session, name, csr)
  const { certificate, ca } = await session.api.sign(userTarget(name), csr)
  const credentials = { certificate, ca, key }
  told.push(await (tool ? writeTool(session, plan, credentials) : writeUser(session, plan, credentials)))
  return told.filter(line => line !== undefined)
}

/** A binding may name a role that is yet to be made; a user who is let in with a slip of the pen in it may do nothing. */
async function checkRole({ api }: Session, role: string | undefined): Promise<void> {
  if (role === undefined) return
  try {
    await api.get(targetOf(kindNamed('clusterroles'), undefined, role))
  } catch (error) {
    // Who may bind a role need not be one who may read it.
    if (hasCode(error, 'Forbidden')) return
    if (!hasCode(error, 'NotFound')) throw error
    const why = `there is no ClusterRole ${role}: see flotilla get clusterroles`
    throw new UsageError(`cannot give the role ${role}: because ${why}`)
  }
}

async function ensureUser(
  session: Session,
  plan: UserPlan,
): Promise<{ before: User['spec'] | undefined; isBack: boolean }> {
  const { api } = session
  const { name, tool, groups } = plan
  const found = await api.get(userTarget(name)).catch(error => {
    if (hasCode(error, 'NotFound')) return undefined
    throw error
  })
  if (!found) {
    const spec = { ...(tool && { tool }), ...(groups.length > 0 && { groups }) }
    await api.create(userTarget(), { apiVersion: trustApiVersion, kind: 'User', metadata: { name }, spec })
    return { before: undefined, isBack: false }
  }
  const before: User['spec'] = found.spec ?? {}
  if ((before.tool ?? false) !== tool) {
    const what = before.tool ? 'tool' : 'user'
    const way = `take another name, or first: flotilla delete user ${name}`
    throw new CodedError('Conflict', `cannot make ${name}: because it is a ${what} already: ${way}`)
  }
  const isBack = before.revoked === true || before.validAfter === notYet
  const change = { ...(isBack && { revoked: null, validAfter: notYet }), ...(groups.length > 0 && { groups }) }
  if (Object.keys(change).length > 0) await api.patch(userTarget(name), { spec: change })
  return { before, isBack }
}

function tellBefore(name: string, before: User['spec'] | undefined): string | undefined {
  if (!before) return undefined
  return before.revoked
    ? `${name} was revoked, and is let in again: what it had before stays worth nothing`
    : `${name} was there already: this is one more certificate for it, and the others still hold`
}

/** What was issued until now counts no more. By the master's clock, which comes with a certificate: ours may be wrong. */
async function voidOlder({ api }: Session, name: string, csr: string): Promise<void> {
  const { time } = await api.sign(userTarget(name), csr)
  if (time === undefined)
    throw new CodedError(
      'InternalError',
      `cannot let ${name} in again: because the master does not say what time it is`,
    )
  await api.patch(userTarget(name), { spec: { validAfter: time } })
}

async function bindRole(
  { api, namespace: current }: Session,
  plan: UserPlan,
  isNew: boolean,
): Promise<string | undefined> {
  const { name, role, allNamespaces, namespace = current } = plan
  if (role === undefined) {
    const isPoor = isNew && !plan.tool && plan.groups.length === 0
    return isPoor ? `${name} may do nothing yet: --role, or flotilla create rolebinding` : undefined
  }
  const kind = kindNamed(allNamespaces ? 'clusterrolebindings' : 'rolebindings')
  const place = allNamespaces ? undefined : namespace
  const binding = {
    apiVersion: `${rbacGroup}/v1`,
    kind: kind.kind,
    metadata: { name: `user-${name}-${role}`, ...(place !== undefined && { namespace: place }) },
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'User', apiGroup: rbacGroup, name }],
  }
  await api.apply(targetOf(kind, place, binding.metadata.name), binding)
  return `${name} has the role ${role} in ${allNamespaces ? 'all namespaces' : `namespace ${namespace}`}`
}

interface Credentials {
  certificate: string
  ca: string
  key: string
}

async function writeUser(session: Session, plan: UserPlan, credentials: Credentials): Promise<string> {
  const { name, out, namespace } = plan
  const { cluster, servers: ours } = session.context
  const { addresses } = await session.api.invite()
  const lan = addresses.map(address => `mqtts://${address}`)
  // A socket of this machine comes first: elsewhere it is not there, which takes no time to find out.
  const servers = [...new Set([...ours.filter(server => server.startsWith('mqtts')), ...lan])].slice(0, maxServers)
  const context = {
    name: `${name}@${cluster}`,
    cluster,
    servers,
    username: name,
    ...(namespace && { namespace }),
    ...credentials,
  }
  await writePrivateFile(out, await renderConfig({ 'current-context': context.name, contexts: [context] }))
  return `Whoever has this file is ${name}: hand it over in a safe way. On the other machine: flotilla config import ${out}`
}

/** Programs that are not ours take the three as files. */
async function writeTool(
  { context }: Session,
  { name, out }: UserPlan,
  { certificate, ca, key }: Credentials,
): Promise<string> {
  await makeDirectory(out, 0o700)
  const files = { 'ca.crt': ca, [`${name}.crt`]: certificate, [`${name}.key`]: key }
  for (const [file, text] of Object.entries(files)) await writePrivateFile(join(out, file), text)
  const words = `--cafile ${out}/ca.crt --cert ${out}/${name}.crt --key ${out}/${name}.key`
  return `Try: mosquitto_sub -h MASTER -p 8883 ${words} -v -t '${topicsOf(context.cluster).nodePresence('+')}'`
}

const maxServers = 16

function userTarget(name?: string): ReturnType<typeof targetOf> {
  return targetOf(kindNamed('users'), undefined, name)
}
