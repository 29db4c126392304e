/** Rules of Secrets and ServiceAccounts (core/v1 `ValidateSecret`). No message says what a Secret holds, only where. */
import type { Secret, ServiceAccount } from './core.ts'
import { isFields } from './fields.ts'
import { checkConfigKey, checkSubdomainName } from './names.ts'
import { at, checkName, type Place, report } from './place.ts'

/** core/v1 `MaxSecretSize`, of the data as it is before base64. */
const maxSecretBytes = 1024 * 1024

const accountAnnotation = 'kubernetes.io/service-account.name'

/** What each of Kubernetes' own types cannot do without. */
const rulesOfTypes: Record<string, (secret: Secret, data: Place) => void> = {
  'kubernetes.io/tls': ({ data }, place) => requireKeys(data, place, ['tls.crt', 'tls.key']),
  'kubernetes.io/dockercfg': ({ data }, place) => requireJson(data, place, '.dockercfg'),
  'kubernetes.io/dockerconfigjson': ({ data }, place) => requireJson(data, place, '.dockerconfigjson'),
  'kubernetes.io/ssh-auth': ({ data }, place) => requireKeys(data, place, ['ssh-privatekey']),
  'kubernetes.io/basic-auth': ({ data = {} }, place) => {
    if (Object.hasOwn(data, 'username') || Object.hasOwn(data, 'password')) return
    report(place, 'must hold username or password: a Secret of the type kubernetes.io/basic-auth has one at least')
  },
}

export function validateSecret(secret: Secret, place: Place): void {
  const { data = {}, type = '' } = secret
  const inside = at(place, 'data')
  let bytes = 0
  for (const [key, value] of Object.entries(data)) {
    checkName(at(inside, key), key, checkConfigKey)
    bytes += Buffer.byteLength(value, 'base64')
  }
  if (bytes > maxSecretBytes) report(inside, `holds ${bytes} bytes: use at most ${maxSecretBytes}`)
  if (Object.hasOwn(rulesOfTypes, type)) rulesOfTypes[type]?.(secret, inside)
  if (type === 'kubernetes.io/service-account-token' && !secret.metadata.annotations?.[accountAnnotation]) {
    report(at(place, 'metadata', 'annotations', accountAnnotation), `is required for the type ${type}`)
  }
}

export function validateServiceAccount({ imagePullSecrets = [] }: ServiceAccount, place: Place): void {
  for (const [index, { name }] of imagePullSecrets.entries()) {
    checkName(at(place, 'imagePullSecrets', index, 'name'), name || undefined, checkSubdomainName)
  }
}

function requireKeys(data: Record<string, string> = {}, place: Place, keys: string[]): void {
  for (const key of keys) if (!Object.hasOwn(data, key)) report(at(place, key), 'is required for a Secret of this type')
}

/** What a parser says of wrong JSON quotes it: only that it is wrong is told. */
function requireJson(data: Record<string, string> = {}, place: Place, key: string): void {
  const value = data[key]
  if (value === undefined) return requireKeys(data, place, [key])
  if (!isJsonObject(Buffer.from(value, 'base64').toString('utf8'))) {
    report(at(place, key), 'must be JSON with the credentials of registries, such as {"auths": {…}}')
  }
}

function isJsonObject(text: string): boolean {
  try {
    return isFields(JSON.parse(text))
  } catch {
    return false
  }
}
