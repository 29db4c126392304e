/** Rules of the small kinds of core/v1: ConfigMap, Node, Event. */
import { isIPv4 } from 'node:net'
import type { ConfigMap, Event } from './core.ts'
import { checkConfigKey, checkLabelValue, checkQualifiedName } from './names.ts'
import type { Node } from './node.ts'
import { at, checkName, checkOneOf, checkUnique, type Place, report } from './place.ts'
import { parseQuantity } from './quantity.ts'
import { taintEffects } from './validate-pod.ts'

/** core/v1 `MaxSecretSize`, which holds for ConfigMaps too. */
const maxConfigBytes = 1024 * 1024

export function validateConfigMap({ data = {}, binaryData = {} }: ConfigMap, place: Place): void {
  let bytes = 0
  for (const [field, entries] of Object.entries({ data, binaryData })) {
    for (const [key, value] of Object.entries(entries)) {
      checkName(at(place, field, key), key, checkConfigKey)
      bytes += Buffer.byteLength(value, field === 'data' ? 'utf8' : 'base64')
    }
  }
  for (const key of Object.keys(binaryData)) {
    if (Object.hasOwn(data, key)) report(at(place, 'binaryData', key), 'is in data too: keep one of them')
  }
  if (bytes > maxConfigBytes) report(at(place, 'data'), `holds ${bytes} bytes: use at most ${maxConfigBytes}`)
}

export function validateNode({ spec = {}, status }: Node, place: Place): void {
  const { podCIDR, taints = [] } = spec
  if (podCIDR && !isCidr(podCIDR)) {
    report(at(place, 'spec', 'podCIDR'), `must be an IPv4 network such as 10.244.3.0/24, not "${podCIDR}"`)
  }
  for (const [index, { key, value, effect }] of taints.entries()) {
    const inside = at(place, 'spec', 'taints', index)
    checkName(at(inside, 'key'), key, checkQualifiedName)
    if (value) checkName(at(inside, 'value'), value, checkLabelValue)
    checkOneOf(at(inside, 'effect'), effect, taintEffects)
  }
  checkUnique(
    taints.map(({ key, effect }, index) => ({ key: `${key}:${effect}`, place: at(place, 'spec', 'taints', index) })),
  )
  for (const [name, quantity] of Object.entries(status?.capacity ?? {})) {
    if (parseQuantity(quantity) < 0)
      report(at(place, 'status', 'capacity', name), `must not be negative, but is ${quantity}`)
  }
}

export function validateEvent({ involvedObject, metadata, type }: Event, place: Place): void {
  checkOneOf(at(place, 'type'), type, ['Normal', 'Warning'])
  const { namespace } = involvedObject
  if (namespace && metadata.namespace && namespace !== metadata.namespace) {
    report(at(place, 'involvedObject', 'namespace'), `must be ${metadata.namespace}, where the event is`)
  }
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/')
  return rest.length === 0 && isIPv4(address) && /^\d{1,2}$/.test(bits) && Number(bits) <= 32
}
