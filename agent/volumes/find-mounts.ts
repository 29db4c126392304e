/** Finds what of a pod's volumes a container is to see, and where; a subPath leads to nothing outside of its volume. */
import { lstat, realpath } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { Container } from '../../contract/resources/pod.ts'
import { checkFilePath, type VolumeMount } from '../../contract/resources/volume.ts'
import type { PodWish } from '../../contract/wire/fleet.ts'
import { CodedError } from '../../kit/errors.ts'
import { planMounts, planVolumes } from './plan-volumes.ts'
import type { VolumeMountPoint } from './volumes.ts'
import { makeEmptyDirectory } from './write-files.ts'

interface Places {
  placeOf(volume: string, kind: 'files' | 'empty'): string
  expand(text: string): string
}

/** Volumes of kinds that Flotilla does not act on are left out: the manifest was warned about. */
export async function findMounts(pod: PodWish, container: Container, places: Places): Promise<VolumeMountPoint[]> {
  const { files, empty } = planVolumes(pod)
  const found: VolumeMountPoint[] = []
  for (const mount of planMounts(pod, container)) {
    const containerPath = posix.resolve('/', mount.mountPath)
    const subPath = subPathOf(mount, places)
    if (files.some(({ name }) => name === mount.name)) {
      // Kubernetes mounts these read-only whatever the manifest says: they are ours to write.
      const hostPath = await findFile(places.placeOf(mount.name, 'files'), subPath)
      found.push({ hostPath, containerPath, readOnly: true })
    } else if (empty.includes(mount.name)) {
      const place = places.placeOf(mount.name, 'empty')
      const hostPath = subPath === undefined ? place : await makeSubdirectory(place, subPath, { pod, mount })
      found.push({ hostPath, containerPath, readOnly: mount.readOnly ?? false })
    }
  }
  return found
}

function subPathOf({ subPath, subPathExpr }: VolumeMount, { expand }: Places): string | undefined {
  const path = subPathExpr ? expand(subPathExpr) : subPath
  if (!path) return undefined
  const problem = checkFilePath(path)
  if (problem !== undefined) throw bad(path, `it ${problem}`)
  const normal = withoutSlash(posix.normalize(path))
  return normal === '.' ? undefined : normal
}

/** The file behind the links of the volume, as it is now: a subPath is not renewed (core/v1 VolumeMount). */
async function findFile(place: string, subPath: string | undefined): Promise<string> {
  if (subPath === undefined) return place
  try {
    const [root, path] = await Promise.all([realpath(place), realpath(join(place, subPath))])
    if (path.startsWith(`${root}/`)) return path
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  throw bad(subPath, 'the volume has no such file')
}

/**
 * A container that may write above the directory could put a link to the board's own files in its place, just when it is
 * mounted into another container. So it is refused where any container of the pod sees what is above.
 */
async function makeSubdirectory(
  place: string,
  subPath: string,
  { pod, mount }: { pod: PodWish; mount: VolumeMount },
): Promise<string> {
  const others = pod.spec.containers.flatMap(({ volumeMounts = [] }) => volumeMounts)
  const sameVolume = others.filter(other => other !== mount && other.name === mount.name && other.readOnly !== true)
  const isOpen = sameVolume.some(other => other.subPathExpr || isAbove(other.subPath, subPath))
  if (isOpen) throw bad(subPath, 'another mount of the same volume lies above it, where it could be replaced')
  let path = place
  for (const name of subPath.split('/')) {
    path = join(path, name)
    await makeEmptyDirectory(path, pod.spec.securityContext?.fsGroup)
    // A link that somebody has left there before; nothing is made behind it.
    if (!(await lstat(path)).isDirectory()) throw bad(subPath, 'it leads elsewhere')
  }
  return path
}

function isAbove(other: string | undefined, subPath: string): boolean {
  if (!other) return true
  const above = withoutSlash(posix.normalize(other))
  return above === '.' || subPath.startsWith(`${above}/`)
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, '')
}

function bad(subPath: string, reason: string): CodedError {
  return new CodedError(
    'Invalid',
    `cannot mount the subPath ${JSON.stringify(subPath.slice(0, 80))}: because ${reason}`,
  )
}
