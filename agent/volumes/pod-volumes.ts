/** The Volumes of this board: files of ConfigMaps, Secrets, tokens and the pod itself in memory, empty directories on the disk. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Container } from '../../contract/resources/pod.ts'
import type { ConfigMapWish, PodWish, SecretContents, SecretWish } from '../../contract/wire/fleet.ts'
import { makeDirectory } from '../../kit/directory.ts'
import { CodedError, hasCode, messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Random } from '../../kit/random.ts'
import { findMounts } from './find-mounts.ts'
import { claimMemory, findSwap, type RunCommand } from './memory-place.ts'
import { type FileSource, type FileVolume, planVolumes, rootCertificateMap } from './plan-volumes.ts'
import { type FileObjects, renderFiles } from './render-files.ts'
import type { ServiceAccountTokens } from './service-account-tokens.ts'
import type { VolumeMountPoint, Volumes } from './volumes.ts'
import { isWritten, makeEmptyDirectory, readVolumeFile, writeFiles } from './write-files.ts'

export interface PodVolumesParts {
  /** In memory, such as `/run/flotilla/pods/<cluster>`: made, or mounted, before the first file. */
  memoryDirectory: string
  /** On the disk; a pod's directory in it is by its uid, and goes with the pod's other files. */
  diskDirectory: string
  objects: VolumeObjects
  tokens: Pick<ServiceAccountTokens, 'find' | 'forget'>
  run: RunCommand
  random: Random
  log: Log
}

/** What the wish holds now. Keys are `<namespace>/<name>`. */
export interface VolumeObjects {
  configMap(key: string): ConfigMapWish | undefined
  secret(key: string): SecretWish | undefined
  /** Rejects with `Invalid` when it was not sealed for this board. */
  open(key: string): Promise<SecretContents | undefined>
  /** PEM of the cluster's CA; undefined for a board that has not joined. */
  rootCertificate(): string | undefined
}

/** What a volume was written from: while all of it is the same, there is nothing to write. */
type Ingredients = readonly unknown[]

export class PodVolumes implements Volumes {
  #parts: PodVolumesParts
  #claimed: Promise<void> | undefined
  /** By uid, then by the name of the volume. */
  #written = new Map<string, Map<string, Ingredients>>()
  /** The last of what is done to a pod's volumes, by uid. */
  #turns = new Map<string, Promise<unknown>>()

  constructor(parts: PodVolumesParts) {
    this.#parts = parts
  }

  make(pod: PodWish): Promise<void> {
    return this.#inTurn(uidOf(pod), async () => {
      const { files, empty } = planVolumes(pod)
      for (const name of empty) await this.#makeEmpty(pod, name)
      for (const volume of files) await this.#write(pod, volume)
    })
  }

  renew(pod: PodWish): Promise<void> {
    return this.#inTurn(uidOf(pod), async () => {
      for (const volume of planVolumes(pod).files) {
        try {
          await this.#write(pod, volume)
        } catch (error) {
          // A running pod keeps what it has until the object is back, as in Kubernetes.
          if (!hasCode(error, 'NotFound')) throw error
          this.#parts.log.debug('a volume stays as it was', { pod: pod.metadata.name, error: messageOf(error) })
        }
      }
    })
  }

  mountsOf(pod: PodWish, container: Container, expand: (text: string) => string): Promise<VolumeMountPoint[]> {
    const uid = uidOf(pod)
    const placeOf = (name: string, kind: 'files' | 'empty'): string =>
      kind === 'files' ? this.#placeOf(uid, name) : this.#emptyPlaceOf(uid, name)
    return findMounts(pod, container, { placeOf, expand })
  }

  remove(uid: string): Promise<void> {
    this.#parts.tokens.forget(uid)
    return this.#inTurn(uid, async () => {
      this.#written.delete(uid)
      await rm(this.#directoryOf(uid), { recursive: true, force: true })
    })
  }

  async list(): Promise<string[]> {
    try {
      return await readdir(this.#parts.memoryDirectory)
    } catch (error) {
      // After a boot, before the first pod that has any.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  /** Containers of a pod start side by side, and find one set of volumes. */
  #inTurn(uid: string, work: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(uid) ?? Promise.resolve()
    const turn = before.then(work, work)
    this.#turns.set(uid, turn)
    const done = (): void => {
      if (this.#turns.get(uid) === turn) this.#turns.delete(uid)
    }
    turn.then(done, done)
    return turn
  }

  async #makeEmpty(pod: PodWish, name: string): Promise<void> {
    const path = this.#emptyPlaceOf(uidOf(pod), name)
    await makeDirectory(join(path, '..'), 0o700)
    await makeEmptyDirectory(path, pod.spec.securityContext?.fsGroup)
  }

  async #write(pod: PodWish, volume: FileVolume): Promise<void> {
    const [uid, { random }] = [uidOf(pod), this.#parts]
    try {
      const tokens = await this.#findTokens(pod, volume)
      const ingredients = [...volume.sources.map(source => this.#ingredientOf(pod, source)), ...tokens.values()]
      const isCurrent = isSame(ingredients, this.#written.get(uid)?.get(volume.name))
      if (isCurrent && (await isWritten(this.#placeOf(uid, volume.name)))) return
      const files = await renderFiles(volume, this.#objectsFor(pod, tokens))
      await this.#claim()
      await makeDirectory(this.#directoryOf(uid), 0o700)
      await writeFiles(this.#placeOf(uid, volume.name), files, random)
      const written = this.#written.get(uid) ?? new Map<string, Ingredients>()
      this.#written.set(uid, written.set(volume.name, ingredients))
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      const text = `MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}`
      throw new CodedError(error.code, text, { cause: error })
    }
  }

  #claim(): Promise<void> {
    this.#claimed ??= this.#claimOnce().catch(error => {
      this.#claimed = undefined // whoever runs the board may mend it
      throw error
    })
    return this.#claimed
  }

  async #claimOnce(): Promise<void> {
    const { memoryDirectory, run, log } = this.#parts
    await claimMemory(memoryDirectory, run)
    const swap = await findSwap()
    if (swap.length === 0) return
    log.warn('secrets of pods may be written to swap: turn it off, or use zram', { swap: swap.join(' ') })
  }

  #ingredientOf(pod: PodWish, source: FileSource): unknown {
    const { objects } = this.#parts
    switch (source.type) {
      case 'configMap':
        return this.#configMap(`${pod.metadata.namespace}/${source.name}`)
      case 'secret': {
        const { uid, resourceVersion } = objects.secret(`${pod.metadata.namespace}/${source.name}`)?.metadata ?? {}
        return `${uid} ${resourceVersion}`
      }
      case 'downward':
        return JSON.stringify([pod.metadata.labels, pod.metadata.annotations])
      case 'token':
        return source.path
    }
  }

  #configMap(key: string): ConfigMapWish | string | undefined {
    const { objects } = this.#parts
    const map = objects.configMap(key)
    return map ?? (key.endsWith(`/${rootCertificateMap}`) ? objects.rootCertificate() : undefined)
  }

  #objectsFor(pod: PodWish, tokens: ReadonlyMap<string, string>): FileObjects {
    const { objects } = this.#parts
    const { namespace = 'default' } = pod.metadata
    return {
      pod,
      configMap: map => {
        const found = this.#configMap(`${namespace}/${map}`)
        return typeof found === 'string' ? certificateMap(namespace, found) : found
      },
      secret: async secret => (await objects.open(`${namespace}/${secret}`))?.data,
      token: path => tokens.get(path),
    }
  }

  /** By path. First of all, since they may take their time: what else the volume is made of is then read in one go. */
  async #findTokens(pod: PodWish, { name: volume, sources }: FileVolume): Promise<Map<string, string>> {
    const { namespace = 'default', name, uid = '' } = pod.metadata
    const account = { namespace, serviceAccount: pod.spec.serviceAccountName || 'default', pod: { name, uid } }
    const isKnown = this.#written.get(uid)?.has(volume)
    const found = new Map<string, string>()
    for (const { path, audience, expirationSeconds } of sources.filter(isToken)) {
      const held = isKnown ? undefined : await readVolumeFile(this.#placeOf(uid, volume), path)
      const token = await this.#parts.tokens.find({ ...account, audience, expirationSeconds }, held?.toString())
      if (token !== undefined) found.set(path, token)
    }
    return found
  }

  #directoryOf(uid: string): string {
    return join(this.#parts.memoryDirectory, uid)
  }

  #placeOf(uid: string, volume: string): string {
    return join(this.#directoryOf(uid), volume)
  }

  #emptyPlaceOf(uid: string, volume: string): string {
    return join(this.#parts.diskDirectory, uid, 'volumes', volume)
  }
}

function isToken(source: FileSource): source is Extract<FileSource, { type: 'token' }> {
  return source.type === 'token'
}

function isSame(left: Ingredients, right: Ingredients | undefined): boolean {
  return right?.length === left.length && left.every((item, index) => item === right[index])
}

function certificateMap(namespace: string, certificate: string): ConfigMapWish {
  const metadata = { name: rootCertificateMap, namespace }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': certificate } }
}

function uidOf({ metadata }: PodWish): string {
  return metadata.uid ?? ''
}
