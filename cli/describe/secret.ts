/** A secret: what it holds by name and size. What is in it is for `get -o yaml` alone. */
import type { Secret, ServiceAccount } from '../../contract/resources/core.ts'
import { headOf } from './common.ts'
import type { Field } from './page.ts'

export function describeSecret(secret: Secret): Field[] {
  const sizes = Object.entries(secret.data ?? {}).map(([key, value]): Field => [key, `${sizeOf(value)} bytes`])
  return [
    ...headOf(secret),
    ['Type', secret.type ?? 'Opaque'],
    ['Immutable', secret.immutable ? 'true' : undefined],
    ['Data', sizes],
  ]
}

export function describeServiceAccount(account: ServiceAccount): Field[] {
  const { automountServiceAccountToken = true, imagePullSecrets = [] } = account
  const pullSecrets = imagePullSecrets.flatMap(({ name }) => name ?? [])
  return [
    ...headOf(account),
    ['Image pull secrets', pullSecrets.length === 0 ? '<none>' : pullSecrets],
    ['Token in pods', automountServiceAccountToken ? 'mounted, rotated' : 'only where a pod asks'],
  ]
}

function sizeOf(base64: string): number {
  return Buffer.from(base64, 'base64').length
}
