/** Several people who ask one API: each with the groups and the rules that a test gives them. */
import { generateKeyPairSync } from 'node:crypto'
import type { ExecutionContext } from 'ava'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import type { PolicyRule } from '../../../contract/resources/rbac.ts'
import type { ApiRequest, Target } from '../../../contract/wire/api.ts'
import { type Identity, parseUsername } from '../../../contract/wire/identity.ts'
import { CodedError } from '../../../kit/errors.ts'
import type { Answer } from '../../../master/api/room.ts'
import { ensureRbac } from '../../../master/controllers/ensure-rbac.ts'
import { admitUser, createHarness, type Harness, type HarnessOptions, namespace, target } from './harness.ts'

export interface People extends Harness {
  as(username: string): Person
  /** Somebody new, with rules in one namespace, or (with `*`) in the whole cluster. */
  person(name: string, granted?: Record<string, PolicyRule[]>, groups?: string[]): Promise<Person>
  /** A node that has joined. */
  node(name: string): Promise<Person>
}

export interface Person {
  ask(request: ApiRequest): Promise<Answer>
  /** `OK`, or the code of the refusal. */
  code(request: ApiRequest): Promise<string>
  /** The text of the refusal. */
  refusal(request: ApiRequest): Promise<string>
}

const rbac = 'rbac.authorization.k8s.io'

/** The namespaces are `default`, `x` and `y`. */
export async function createPeople(t: ExecutionContext, options: HarnessOptions = {}): Promise<People> {
  const harness = await createHarness(t, options)
  await ensureRbac(harness.objects)
  for (const name of ['x', 'y']) await harness.create(namespace(name))
  const as = (username: string): Person => personOf(harness, parseUsername(username)!)
  return {
    ...harness,
    as,
    async person(name, granted = {}, groups = []) {
      await admitUser(harness.objects, name, groups)
      for (const [place, rules] of Object.entries(granted)) await grant(harness, { name, place, rules })
      return as(name)
    },
    async node(name) {
      const identity = {
        apiVersion: 'flotilla.dev/v1',
        kind: 'NodeIdentity',
        metadata: { name },
        spec: { publicKey: newKey() },
      }
      await harness.objects.create(identity)
      return as(`system:node:${name}`)
    },
  }
}

async function grant(
  { objects }: Harness,
  { name, place, rules }: { name: string; place: string; rules: PolicyRule[] },
): Promise<void> {
  const isCluster = place === '*'
  const metadata = isCluster ? { name: `of-${name}` } : { name: `of-${name}`, namespace: place }
  const apiVersion = `${rbac}/v1`
  const kind = isCluster ? 'ClusterRole' : 'Role'
  await objects.create({ apiVersion, kind, metadata, rules } as AnyObject)
  const roleRef = { apiGroup: rbac, kind, name: `of-${name}` }
  const subjects = [{ apiGroup: rbac, kind: 'User', name }]
  await objects.create({ apiVersion, kind: `${kind}Binding`, metadata, roleRef, subjects } as AnyObject)
}

function personOf({ api }: Harness, identity: Identity): Person {
  const ask = (request: ApiRequest): Promise<Answer> =>
    api.handle(request, { identity, signal: new AbortController().signal })
  const failure = async (request: ApiRequest): Promise<CodedError | undefined> => {
    try {
      await ask(request)
      return undefined
    } catch (error) {
      if (error instanceof CodedError) return error
      throw error
    }
  }
  return {
    ask,
    code: async request => (await failure(request))?.code ?? 'OK',
    refusal: async request => (await failure(request))?.message ?? 'not refused',
  }
}

export function rule(verbs: string, resources: string, group = ''): PolicyRule {
  return { verbs: verbs.split(' '), resources: resources.split(' '), apiGroups: [group] }
}

/** As a node's: SPKI in DER, base64. */
export function newKey(): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
}

/** In a namespace; `*`: in all of them. */
export function at(path: string): Target {
  const [place = '', resource = '', name] = path.split('/')
  const { namespace: _default, ...rest } = target(resource, name)
  return place === '*' || place === '' ? rest : { ...rest, namespace: place }
}
