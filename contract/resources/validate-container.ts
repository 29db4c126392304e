/** Rules of one container (core/v1 `validateContainers` and what it calls). */
import type { ResourceList } from './meta.ts'
import {
  checkConfigKey,
  checkEnvironmentName,
  checkLabelName,
  checkPortName,
  checkQualifiedName,
  checkSubdomainName,
  quote,
} from './names.ts'
import { at, checkName, checkOneOf, checkRange, checkUnique, type Place, portRange, report } from './place.ts'
import type { Container, ContainerPort, EnvFromSource, EnvVar } from './pod.ts'
import { compareQuantities, isQuantity, parseQuantity } from './quantity.ts'

export const protocols = ['TCP', 'UDP', 'SCTP']

/** What `fieldRef` can reach (core/v1 `validEnvDownwardAPIFieldPathExpressions`). */
const fieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]
const mapFieldPath = /^metadata\.(labels|annotations)\['[^']+'\]$/

const nativeResource = /^(cpu|memory|ephemeral-storage|hugepages-.+)$/

export function validateContainer(container: Container, place: Place): void {
  checkName(at(place, 'name'), container.name, checkLabelName)
  validateImage(container.image, at(place, 'image'))
  checkOneOf(at(place, 'imagePullPolicy'), container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'])
  const messages = container['terminationMessagePolicy'] as string | undefined
  checkOneOf(at(place, 'terminationMessagePolicy'), messages, ['File', 'FallbackToLogsOnError'])
  validatePorts(container.ports ?? [], at(place, 'ports'))
  for (const [index, variable] of (container.env ?? []).entries()) validateVariable(variable, at(place, 'env', index))
  for (const [index, source] of (container.envFrom ?? []).entries())
    validateEnvFrom(source, at(place, 'envFrom', index))
  validateResources(container, at(place, 'resources'))
}

function validateImage(image: string | undefined, place: Place): void {
  if (!image) report(place, 'is required: name an image such as "nginx:1.27"')
  else if (image !== image.trim()) report(place, `${quote(image)} begins or ends with a space`)
}

function validatePorts(ports: readonly ContainerPort[], place: Place): void {
  for (const [index, port] of ports.entries()) {
    checkRange(at(place, index, 'containerPort'), port.containerPort, portRange)
    checkRange(at(place, index, 'hostPort'), port.hostPort, portRange)
    checkOneOf(at(place, index, 'protocol'), port.protocol, protocols)
    if (port.name) checkName(at(place, index, 'name'), port.name, checkPortName)
  }
  checkUnique(ports.map(({ name }, index) => ({ key: name || undefined, place: at(place, index, 'name') })))
}

function validateVariable(variable: EnvVar, place: Place): void {
  checkName(at(place, 'name'), variable.name || undefined, checkEnvironmentName)
  const { value, valueFrom } = variable
  if (valueFrom === undefined) return
  if (value) report(at(place, 'valueFrom'), 'must be left out when there is a value')
  const sources = Object.keys(valueFrom)
  if (sources.length !== 1)
    report(at(place, 'valueFrom'), 'must name exactly one source, such as configMapKeyRef or fieldRef')
  const { configMapKeyRef, secretKeyRef, fieldRef } = valueFrom
  for (const [source, reference] of Object.entries({ configMapKeyRef, secretKeyRef })) {
    if (reference === undefined) continue
    const inside = at(place, 'valueFrom', source)
    checkName(at(inside, 'name'), reference.name || undefined, checkSubdomainName)
    checkName(at(inside, 'key'), reference.key || undefined, checkConfigKey)
  }
  if (fieldRef !== undefined && !mapFieldPath.test(fieldRef.fieldPath)) {
    checkOneOf(at(place, 'valueFrom', 'fieldRef', 'fieldPath'), fieldRef.fieldPath, fieldPaths)
  }
}

function validateEnvFrom(source: EnvFromSource, place: Place): void {
  const named = ['configMapRef', 'secretRef'].filter(name => source[name] !== undefined)
  if (named.length !== 1) report(place, 'must name exactly one source: configMapRef or secretRef')
  if (source.prefix) checkName(at(place, 'prefix'), source.prefix, checkEnvironmentName)
  const { configMapRef, secretRef } = source
  for (const [field, reference] of Object.entries({ configMapRef, secretRef })) {
    if (reference) checkName(at(place, field, 'name'), reference.name || undefined, checkSubdomainName)
  }
}

function validateResources({ resources = {} }: Container, place: Place): void {
  const { requests = {}, limits = {} } = resources
  validateResourceList(requests, at(place, 'requests'))
  validateResourceList(limits, at(place, 'limits'))
  for (const [name, request] of Object.entries(requests)) {
    // A resource called __proto__ is refused by its name, and has no limit that it could inherit.
    const limit = Object.hasOwn(limits, name) ? limits[name] : undefined
    const inside = at(place, 'requests', name)
    const isExtended = !nativeResource.test(name)
    if (limit === undefined) {
      if (isExtended) report(inside, 'needs a limit that is equal to it: such resources cannot be shared')
      continue
    }
    const difference = compareQuantities(request, limit)
    if (difference > 0) report(inside, `asks for ${request}, more than the limit of ${limit}`)
    else if (difference < 0 && isExtended) report(inside, `must be equal to the limit of ${limit}: it cannot be shared`)
  }
}

function validateResourceList(list: ResourceList, place: Place): void {
  for (const [name, quantity] of Object.entries(list)) {
    const inside = at(place, name)
    checkName(inside, name, checkQualifiedName)
    const isNative = nativeResource.test(name)
    if (!isNative && !name.includes('/')) {
      report(
        inside,
        `unknown resource ${quote(name)}: use cpu, memory, ephemeral-storage or a name such as "example.com/gpu"`,
      )
    }
    if (!isQuantity(quantity)) report(inside, `must be a quantity such as 250m or 64Mi, not ${quote(quantity)}`)
    else if (parseQuantity(quantity) < 0) report(inside, `must not be negative, but is ${quantity}`)
    else if (!isNative && !Number.isInteger(parseQuantity(quantity)))
      report(inside, `must be a whole number, not ${quantity}`)
  }
}
