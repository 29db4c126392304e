/** A container's environment: values, ConfigMaps, Secrets, fields of its pod, the services of its namespace, and `$(NAME)` expansion. Pure. */
import type { Container, EnvVar, KeyReference } from '../../contract/resources/pod.ts'
import type { ConfigMapWish, PodWish, SecretContents, ServiceRoute } from '../../contract/wire/fleet.ts'
import { CodedError } from '../../kit/errors.ts'

export interface EnvSources {
  pod: PodWish
  podIP: string | undefined
  hostIP: string | undefined
  nodeName: string
  /** By `<namespace>/<name>`. */
  configMaps: ReadonlyMap<string, ConfigMapWish>
  /** Those that the container names and that are there, opened; by `<namespace>/<name>`. */
  secrets: ReadonlyMap<string, SecretContents>
  services: readonly ServiceRoute[]
}

/** Later entries win, as in Kubernetes: service links, then envFrom, then env. Rejects with `NotFound` when a source is missing. */
export function resolveEnv(container: Container, sources: EnvSources): Map<string, string> {
  const env = serviceLinks(sources)
  for (const source of container.envFrom ?? []) {
    const { prefix = '', configMapRef, secretRef } = source
    const map = configMapRef ? findConfigMap(configMapRef, sources)?.data : undefined
    const secret = secretRef ? findSecret(secretRef, sources) : undefined
    for (const [key, value] of Object.entries({ ...map, ...secret })) env.set(`${prefix}${key}`, value)
  }
  for (const variable of container.env ?? []) {
    const value = resolveVariable(variable, env, sources)
    if (value !== undefined) env.set(variable.name, value)
  }
  return env
}

/** Names of the Secrets that a container's environment mentions. */
export function secretNamesOf({ env = [], envFrom = [] }: Container): string[] {
  const keys = env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name)
  return [...new Set([...keys, ...envFrom.map(({ secretRef }) => secretRef?.name)])].filter(name => name !== undefined)
}

/** Kubernetes' expansion: `$(NAME)` of a known name is replaced, `$$(NAME)` is an escape, anything else stays. */
export function expand(text: string, env: ReadonlyMap<string, string>): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, _, name?: string) => {
    if (name === undefined) return '$'
    return env.get(name) ?? whole
  })
}

function resolveVariable(variable: EnvVar, env: ReadonlyMap<string, string>, sources: EnvSources): string | undefined {
  const from = variable.valueFrom
  if (!from) return expand(variable.value ?? '', env)
  if (from.configMapKeyRef) return resolveConfigMapKey(from.configMapKeyRef, sources)
  if (from.secretKeyRef) return resolveSecretKey(from.secretKeyRef, sources)
  if (from.fieldRef) return resolveField(from.fieldRef.fieldPath, sources)
  return undefined
}

function resolveSecretKey(reference: KeyReference, sources: EnvSources): string | undefined {
  const value = own(findSecret(reference, sources), reference.key)
  if (value !== undefined || reference.optional) return value
  throw new CodedError(
    'NotFound',
    `couldn't find key ${reference.key} in Secret ${sources.pod.metadata.namespace}/${reference.name}`,
  )
}

function findSecret(
  { name, optional }: { name: string; optional?: boolean },
  { pod, secrets }: EnvSources,
): Record<string, string> | undefined {
  const found = secrets.get(`${pod.metadata.namespace}/${name}`)
  if (!found && !optional) throw new CodedError('NotFound', `secret "${name}" not found`)
  const values = Object.entries(found?.data ?? {})
  return found && Object.fromEntries(values.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]))
}

function resolveConfigMapKey(reference: KeyReference, sources: EnvSources): string | undefined {
  const value = own(findConfigMap(reference, sources)?.data, reference.key)
  if (value !== undefined || reference.optional) return value
  throw new CodedError(
    'NotFound',
    `couldn't find key ${reference.key} in ConfigMap ${sources.pod.metadata.namespace}/${reference.name}`,
  )
}

function findConfigMap(
  reference: { name: string; optional?: boolean },
  { pod, configMaps }: EnvSources,
): ConfigMapWish | undefined {
  const map = configMaps.get(`${pod.metadata.namespace}/${reference.name}`)
  if (map || reference.optional) return map
  throw new CodedError('NotFound', `configmap "${reference.name}" not found`)
}

/** The downward API's fields that an environment may name (core/v1 ObjectFieldSelector). */
function resolveField(path: string, { pod, podIP, hostIP, nodeName }: EnvSources): string {
  const entry = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path)
  if (entry) return own(pod.metadata[entry[1] as 'labels' | 'annotations'], entry[2] ?? '') ?? ''
  // A pod in the board's own network has the board's address.
  const ip = pod.spec.hostNetwork ? hostIP : podIP
  const account = pod.spec['serviceAccountName']
  const fields: Record<string, string | undefined> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': nodeName,
    'spec.serviceAccountName': typeof account === 'string' ? account : 'default',
    'status.hostIP': hostIP,
    'status.podIP': ip,
    'status.podIPs': ip,
  }
  if (!Object.hasOwn(fields, path))
    throw new CodedError(
      'Invalid',
      `cannot read ${path}: because an environment variable may only name ${Object.keys(fields).join(', ')}`,
    )
  return fields[path] ?? ''
}

/** Keys are the users': `constructor` is one like any other. */
function own(values: Record<string, string> | undefined, key: string): string | undefined {
  return values && Object.hasOwn(values, key) ? values[key] : undefined
}

/** `WEB_SERVICE_HOST`, `WEB_SERVICE_PORT` … for each service of the pod's namespace that has an address. */
function serviceLinks({ pod, services }: EnvSources): Map<string, string> {
  const env = new Map<string, string>()
  if (pod.spec['enableServiceLinks'] === false) return env
  const visible = services.filter(service => service.namespace === pod.metadata.namespace && service.clusterIP)
  for (const service of visible) {
    const prefix = `${service.name.toUpperCase().replaceAll('-', '_')}_SERVICE`
    const [first] = service.ports
    if (!first) continue
    env.set(`${prefix}_HOST`, service.clusterIP ?? '')
    env.set(`${prefix}_PORT`, String(first.port))
    for (const { name, port } of service.ports) {
      if (name) env.set(`${prefix}_PORT_${name.toUpperCase().replaceAll('-', '_')}`, String(port))
    }
  }
  return env
}
