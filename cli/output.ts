/** Prints objects in the format that `-o` names. */
import { findKind, type Kind } from '../contract/resources/kinds.ts'
import type { AnyObject } from '../contract/resources/meta.ts'
import { kindSlashName } from './tables/tables.ts'

export type MachineFormat = 'json' | 'yaml' | 'name'

export function isMachineFormat(format: string | undefined): format is MachineFormat {
  return format === 'json' || format === 'yaml' || format === 'name'
}

/** One object as it is, several as a List. */
export async function renderObjects(objects: AnyObject[], format: MachineFormat, one: boolean): Promise<string> {
  if (format === 'name') return objects.map(object => `${nameOf(object)}\n`).join('')
  const [first] = objects
  const value =
    one && first ? first : { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: objects }
  if (format === 'json') return `${JSON.stringify(value, null, 4)}\n`
  const { renderYaml } = await import('../contract/manifest/yaml.ts')
  return renderYaml(value)
}

/** `deployment.apps/web`. */
function nameOf(object: AnyObject): string {
  const kind = findKind(object.apiVersion, object.kind) ?? unknownKind(object)
  return kindSlashName(kind, object.metadata.name)
}

function unknownKind({ kind, apiVersion }: AnyObject): Kind {
  const [version = '', group = ''] = apiVersion.split('/').reverse()
  const singular = kind.toLowerCase()
  return { kind, group, version, plural: `${singular}s`, singular, shortNames: [], namespaced: true }
}
