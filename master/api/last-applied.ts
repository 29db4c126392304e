/** The manifest that was last applied, kept on the object itself in kubectl's annotation. */
import type { AnyObject } from '../../contract/resources/meta.ts'
import { isMap } from './merge-patch.ts'

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration'

/** All annotations of an object together may have 256 KiB: a larger manifest is not remembered. */
const maxRememberedBytes = 192 * 1024

/** The manifest with itself as an annotation; without its status, which no manifest sets. */
export function withLastApplied(manifest: AnyObject): { manifest: AnyObject; warnings: string[] } {
  const { status: _status, ...rest } = manifest
  const { [lastAppliedAnnotation]: _old, ...annotations } = manifest.metadata.annotations ?? {}
  const bare = { ...rest, metadata: { ...manifest.metadata, annotations } }
  const text = `${JSON.stringify(sortFields(bare))}\n`
  if (Buffer.byteLength(text) > maxRememberedBytes) return { manifest: bare, warnings: [tooLarge] }
  const remembered = { ...annotations, [lastAppliedAnnotation]: text }
  return { manifest: { ...bare, metadata: { ...bare.metadata, annotations: remembered } }, warnings: [] }
}

const tooLarge =
  'metadata.annotations: the manifest is too large to be remembered; what leaves it later will not be removed'

/** Undefined when the object was not applied, or its annotation is damaged: then nothing is removed. */
export function readLastApplied(live: AnyObject): AnyObject | undefined {
  const text = live.metadata.annotations?.[lastAppliedAnnotation]
  if (text === undefined) return undefined
  try {
    const manifest: unknown = JSON.parse(text)
    return isMap(manifest) ? (manifest as unknown as AnyObject) : undefined
  } catch {
    // Someone edited the annotation by hand.
    return undefined
  }
}

/** By name, as Go writes maps: a manifest whose fields only changed places has not changed. */
function sortFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortFields)
  if (!isMap(value)) return value
  const names = Object.keys(value).sort()
  return Object.fromEntries(names.map(name => [name, sortFields(value[name])]))
}
