/** Rules of a pod's volumes and of their mounts (core/v1 `ValidateVolumes`, `ValidateVolumeMounts`). */
import { checkConfigKey, checkLabelName, checkSubdomainName, quote } from './names.ts'
import { at, checkName, checkOneOf, checkRange, checkUnique, type Place, report } from './place.ts'
import type { Container, PodSpec } from './pod.ts'
import { isQuantity } from './quantity.ts'
import {
  checkFilePath,
  checkVolumeFile,
  type DownwardFile,
  fileFieldPaths,
  type KeyToPath,
  mapFieldPath,
  type TokenFile,
  type Volume,
  type VolumeMount,
  type VolumeProjection,
} from './volume.ts'

/** 0777 */
const maxFileMode = 511
/** core/v1: ten minutes, and what fits 32 bits. */
const tokenSeconds = { min: 600, max: 2 ** 32 }

type PodVolumes = Pick<PodSpec, 'containers' | 'volumes'> & { initContainers?: Container[] }

export function validateVolumes({ volumes = [], initContainers = [], containers }: PodVolumes, place: Place): void {
  for (const [index, volume] of volumes.entries()) validateVolume(volume, at(place, 'volumes', index))
  const names = volumes.map(({ name }) => name)
  checkUnique(names.map((key, index) => ({ key, place: at(place, 'volumes', index, 'name') })))
  for (const [list, items] of Object.entries({ initContainers, containers })) {
    for (const [index, container] of items.entries()) validateMounts(container, names, at(place, list, index))
  }
}

function validateVolume(volume: Volume, place: Place): void {
  checkName(at(place, 'name'), volume.name, checkLabelName)
  const sources = Object.keys(volume).filter(field => field !== 'name')
  if (sources.length > 1) report(place, `must have one source, not ${sources.join(' and ')}`)
  const { secret, configMap, downwardAPI, projected, emptyDir } = volume
  if (secret) {
    checkName(at(place, 'secret', 'secretName'), secret.secretName || undefined, checkSubdomainName)
    validateItems(secret.items, at(place, 'secret'))
    checkMode(secret.defaultMode, at(place, 'secret', 'defaultMode'))
  }
  if (configMap) {
    validateNamed(configMap, at(place, 'configMap'))
    checkMode(configMap.defaultMode, at(place, 'configMap', 'defaultMode'))
  }
  if (downwardAPI) {
    validateDownward(downwardAPI.items, at(place, 'downwardAPI'))
    checkMode(downwardAPI.defaultMode, at(place, 'downwardAPI', 'defaultMode'))
  }
  if (projected) {
    validateProjections(projected.sources ?? [], at(place, 'projected', 'sources'))
    checkMode(projected.defaultMode, at(place, 'projected', 'defaultMode'))
  }
  const { sizeLimit } = emptyDir ?? {}
  if (sizeLimit !== undefined && !isQuantity(sizeLimit)) {
    report(at(place, 'emptyDir', 'sizeLimit'), `must be a quantity such as 64Mi, not ${quote(String(sizeLimit))}`)
  }
}

function validateProjections(sources: readonly VolumeProjection[], place: Place): void {
  for (const [index, source] of sources.entries()) {
    const inside = at(place, index)
    const named = Object.keys(source)
    if (named.length !== 1)
      report(inside, 'must name exactly one source: secret, configMap, downwardAPI or serviceAccountToken')
    if (source.secret) validateNamed(source.secret, at(inside, 'secret'))
    if (source.configMap) validateNamed(source.configMap, at(inside, 'configMap'))
    if (source.downwardAPI) validateDownward(source.downwardAPI.items, at(inside, 'downwardAPI'))
    if (source.serviceAccountToken) validateToken(source.serviceAccountToken, at(inside, 'serviceAccountToken'))
  }
  checkUnique(sources.flatMap((source, index) => pathsOf(source, at(place, index))))
}

/** Two sources must not write one file. */
function pathsOf({ secret, configMap, downwardAPI, serviceAccountToken }: VolumeProjection, place: Place) {
  const lists = { secret: secret?.items, configMap: configMap?.items, downwardAPI: downwardAPI?.items }
  const files = Object.entries(lists).flatMap(([source, items = []]) =>
    items.map(({ path }, index) => ({ key: path || undefined, place: at(place, source, 'items', index, 'path') })),
  )
  return [...files, { key: serviceAccountToken?.path || undefined, place: at(place, 'serviceAccountToken', 'path') }]
}

function validateNamed({ name, items }: { name?: string; items?: KeyToPath[] }, place: Place): void {
  checkName(at(place, 'name'), name || undefined, checkSubdomainName)
  validateItems(items, place)
}

function validateItems(items: readonly KeyToPath[] = [], place: Place): void {
  for (const [index, { key, path, mode }] of items.entries()) {
    const inside = at(place, 'items', index)
    checkName(at(inside, 'key'), key || undefined, checkConfigKey)
    checkName(at(inside, 'path'), path, checkVolumeFile)
    checkMode(mode, at(inside, 'mode'))
  }
}

function validateDownward(items: readonly DownwardFile[] = [], place: Place): void {
  for (const [index, { path, mode, fieldRef, ...other }] of items.entries()) {
    const inside = at(place, 'items', index)
    checkName(at(inside, 'path'), path, checkVolumeFile)
    checkMode(mode, at(inside, 'mode'))
    if ((fieldRef === undefined) === (other['resourceFieldRef'] === undefined)) {
      report(inside, 'must name exactly one source: fieldRef or resourceFieldRef')
    }
    if (fieldRef !== undefined && !mapFieldPath.test(fieldRef.fieldPath)) {
      checkOneOf(at(inside, 'fieldRef', 'fieldPath'), fieldRef.fieldPath, fileFieldPaths)
    }
  }
}

function validateToken({ path, expirationSeconds }: TokenFile, place: Place): void {
  checkName(at(place, 'path'), path, checkVolumeFile)
  checkRange(at(place, 'expirationSeconds'), expirationSeconds, tokenSeconds)
}

function checkMode(mode: number | undefined, place: Place): void {
  if (mode === undefined || (Number.isInteger(mode) && mode >= 0 && mode <= maxFileMode)) return
  report(place, `must be between 0 and 0777 (decimal ${maxFileMode}), not ${mode}`)
}

function validateMounts({ volumeMounts = [] }: Container, volumes: readonly string[], place: Place): void {
  for (const [index, mount] of volumeMounts.entries()) {
    validateMount(mount, volumes, at(place, 'volumeMounts', index))
  }
  checkUnique(
    volumeMounts.map(({ mountPath }, index) => ({
      key: mountPath,
      place: at(place, 'volumeMounts', index, 'mountPath'),
    })),
  )
}

function validateMount(
  { name, mountPath, subPath, subPathExpr }: VolumeMount,
  volumes: readonly string[],
  place: Place,
): void {
  if (!volumes.includes(name)) {
    const known = volumes.length === 0 ? 'the pod has no volumes' : `the pod has ${volumes.join(', ')}`
    report(at(place, 'name'), `names no volume of the pod: ${known}`)
  }
  if (!mountPath) report(at(place, 'mountPath'), 'is required')
  else if (mountPath.split('/').includes('..')) report(at(place, 'mountPath'), 'must not hold ".."')
  else if (/[:\0]/.test(mountPath)) report(at(place, 'mountPath'), 'must not hold ":" or a NUL')
  if (subPath && subPathExpr) report(at(place, 'subPathExpr'), 'must be left out when there is a subPath')
  for (const [field, path] of Object.entries({ subPath, subPathExpr })) {
    const problem = path ? checkFilePath(path) : undefined
    if (problem !== undefined) report(at(place, field), problem)
  }
}
