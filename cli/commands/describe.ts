/** `flotilla describe`: all that there is to say about objects, with what happened to them. */
import type { Event, Secret, ServiceAccount } from '../../contract/resources/core.ts'
import type { Kind } from '../../contract/resources/kinds.ts'
import type { AnyObject, KubernetesObject } from '../../contract/resources/meta.ts'
import type { Node, NodeMetrics } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../contract/resources/rbac.ts'
import { type EndpointSlice, type Service, serviceNameLabel } from '../../contract/resources/service.ts'
import type { JoinToken, NodeIdentity, User } from '../../contract/resources/trust.ts'
import type { Deployment, ReplicaSet } from '../../contract/resources/workloads.ts'
import type { Selectors } from '../../contract/wire/api.ts'
import { hasCode } from '../../kit/errors.ts'
import { type Session, withSession } from '../connect.ts'
import { describeBinding, describeRole } from '../describe/access.ts'
import { eventsOf } from '../describe/common.ts'
import { describeAny } from '../describe/generic.ts'
import { describeNode } from '../describe/node.ts'
import { type Field, renderPage } from '../describe/page.ts'
import { describePod } from '../describe/pod.ts'
import { describeSecret, describeServiceAccount } from '../describe/secret.ts'
import { describeService } from '../describe/service.ts'
import { describeJoinToken, describeNodeIdentity, describeUser } from '../describe/trust.ts'
import { describeDeployment, describeReplicaSet } from '../describe/workload.ts'
import { describeFailure } from '../failure.ts'
import type { RunCommand } from '../fleet.ts'
import { readOptions } from '../options.ts'
import { kindNamed, parseResourceArgs, targetOf } from '../resource-args.ts'
import { byEventTime } from '../tables/events.ts'
import { selectorsOf } from './get.ts'

export const runDescribe: RunCommand = async (input, fleet) => {
  const { terminal } = fleet
  const options = readOptions(input)
  const wanted = parseResourceArgs(input.arguments)
  return withSession(input, fleet, async session => {
    const namespace = options.flag('allNamespaces') ? undefined : session.namespace
    let shown = 0
    let failures = 0
    for (const { kind, names } of wanted) {
      const all =
        names.length === 0 ? await session.api.list(targetOf(kind, namespace), selectorsOf(options)) : undefined
      for (const found of all?.items ?? names) {
        try {
          const object = typeof found === 'string' ? await session.api.get(targetOf(kind, namespace, found)) : found
          const page = renderPage(await describe(session, kind, { object, nowMs: terminal.clock.now() }))
          terminal.print(`${shown++ > 0 ? '\n\n' : ''}${page.join('\n')}\n`)
        } catch (error) {
          if (!hasCode(error, 'NotFound')) throw error
          failures++
          terminal.warn(`${describeFailure(error)}\n`)
        }
      }
    }
    if (shown + failures === 0)
      terminal.warn(
        namespace === undefined ? 'No resources found\n' : `No resources found in ${namespace} namespace.\n`,
      )
    return failures > 0 ? 1 : 0
  })
}

interface Subject {
  object: AnyObject
  nowMs: number
}

async function describe(session: Session, kind: Kind, { object, nowMs }: Subject): Promise<Field[]> {
  const [fields, events] = await Promise.all([
    describeKind(session, kind, { object, nowMs }),
    fetchEvents(session, kind, object),
  ])
  return kind.kind === 'Event' || kind.virtual ? fields : [...fields, eventsOf(events, nowMs)]
}

async function describeKind(session: Session, kind: Kind, { object, nowMs }: Subject): Promise<Field[]> {
  const { namespace, name } = object.metadata
  const related = async <T extends KubernetesObject>(
    word: string,
    selectors: Selectors,
    place = namespace,
  ): Promise<T[]> =>
    (await session.api.list(targetOf(kindNamed(word), place), selectors)).items as KubernetesObject[] as T[]
  switch (kind.kind) {
    case 'Pod':
      return describePod(object as AnyObject & Pod)
    case 'Deployment':
      return describeDeployment(as<Deployment>(object), await related<ReplicaSet>('replicasets', {}))
    case 'ReplicaSet':
      return describeReplicaSet(as<ReplicaSet>(object))
    case 'Service': {
      const labelSelector = `${serviceNameLabel}=${name}`
      return describeService(as<Service>(object), await related<EndpointSlice>('endpointslices', { labelSelector }))
    }
    case 'Node': {
      const pods = await related<Pod>('pods', { fieldSelector: `spec.nodeName=${name}` }, undefined)
      const [metrics] = await related<NodeMetrics>('nodemetrics', { fieldSelector: `metadata.name=${name}` })
      return describeNode(as<Node>(object), { metrics, pods, nowMs })
    }
    default:
      return (describers[kind.kind] ?? describeAny)(object, nowMs)
  }
}

/** Kinds that need nothing but the object itself. */
const describers: Record<string, (object: AnyObject, nowMs: number) => Field[]> = {
  Secret: object => describeSecret(as<Secret>(object)),
  ServiceAccount: object => describeServiceAccount(as<ServiceAccount>(object)),
  Role: object => describeRole(as<Role>(object)),
  ClusterRole: object => describeRole(as<ClusterRole>(object)),
  RoleBinding: object => describeBinding(as<RoleBinding>(object)),
  ClusterRoleBinding: object => describeBinding(as<ClusterRoleBinding>(object)),
  JoinToken: (object, nowMs) => describeJoinToken(as<JoinToken>(object), nowMs),
  NodeIdentity: (object, nowMs) => describeNodeIdentity(as<NodeIdentity>(object), nowMs),
  User: (object, nowMs) => describeUser(as<User>(object), nowMs),
}

/** Nodes have no namespace: what happened to them is kept in `default`. */
async function fetchEvents({ api }: Session, kind: Kind, { metadata }: AnyObject): Promise<Event[]> {
  const fieldSelector = `involvedObject.kind=${kind.kind},involvedObject.name=${metadata.name}`
  const { items } = await api.list(targetOf(kindNamed('events'), metadata.namespace ?? 'default'), { fieldSelector })
  const events = items as unknown as Event[]
  // A namesake that was there before has left its events behind.
  const own = events.filter(({ involvedObject: { uid } }) => !uid || !metadata.uid || uid === metadata.uid)
  return own.sort(byEventTime)
}

/** The server has checked that the object has its kind's shape. */
function as<T extends KubernetesObject>(object: KubernetesObject): T {
  return object as T
}
