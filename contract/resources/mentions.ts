/** Which Secrets and ConfigMaps a pod mentions, all in its own namespace: what its node must have, and may read. Pure. */
import { type Fields, isFields } from './fields.ts'
import type { PodSpec } from './pod.ts'

export interface Mentions {
  secrets: Set<string>
  configMaps: Set<string>
}

/** By environment, volumes (projected ones too) and credentials for registries. Reads whatever has been let in, shapeless too. */
export function mentionsOf(spec: PodSpec): Mentions {
  const mentions: Mentions = { secrets: new Set(), configMaps: new Set() }
  for (const container of [...listOf(spec['initContainers']), ...listOf(spec.containers)]) {
    for (const variable of listOf(container['env'])) {
      add(mentions.secrets, fieldOf(variable['valueFrom'], 'secretKeyRef'), 'name')
      add(mentions.configMaps, fieldOf(variable['valueFrom'], 'configMapKeyRef'), 'name')
    }
    for (const source of listOf(container['envFrom'])) {
      add(mentions.secrets, source['secretRef'], 'name')
      add(mentions.configMaps, source['configMapRef'], 'name')
    }
  }
  for (const volume of listOf(spec['volumes'])) addVolume(mentions, volume)
  for (const reference of listOf(spec['imagePullSecrets'])) add(mentions.secrets, reference, 'name')
  return mentions
}

function addVolume({ secrets, configMaps }: Mentions, volume: Fields): void {
  add(secrets, volume['secret'], 'secretName')
  add(configMaps, volume['configMap'], 'name')
  for (const source of listOf(fieldOf(volume['projected'], 'sources'))) {
    add(secrets, source['secret'], 'name')
    add(configMaps, source['configMap'], 'name')
  }
}

function add(names: Set<string>, reference: unknown, field: string): void {
  const name = fieldOf(reference, field)
  if (typeof name === 'string' && name !== '') names.add(name)
}

function fieldOf(value: unknown, field: string): unknown {
  return isFields(value) ? value[field] : undefined
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : []
}
