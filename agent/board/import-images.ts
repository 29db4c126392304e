/** Imports the container images that come with the program, where containerd lacks them: without pause no pod starts. */
import { type FileHandle, open } from 'node:fs/promises'
import { onBoard } from '../../contract/card/card-places.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import type { Disk } from './disk.ts'
import { type RunProgram, runOrFail } from './run-program.ts'

export interface ImportParts {
  disk: Pick<Disk, 'list'>
  run: RunProgram
  directory?: string
  /** containerd's socket, if not its usual one. */
  socket?: string | undefined
  /** Where containerd keeps them: its file system is synced. */
  containerdRoot?: string
  /** Also those that are there: a power cut may have left them half on the card. */
  anew?: boolean
}

/** Where CRI looks for images. */
const namespace = ['--namespace', 'k8s.io']
const deadlineMs = 120_000
/** What comes with the program is a few MB. */
const maxArchives = 16
const block = 512
/** Of an archive: five and a few layers; its index names each image. */
const maxEntries = 256
const maxIndexBytes = 64 * 1024

/** Resolves to the names that were imported. Rejects with `ServiceUnavailable` while containerd does not answer. */
export async function importImages(parts: ImportParts): Promise<string[]> {
  const { disk, run, directory = onBoard.images, socket, containerdRoot = '/var/lib/containerd', anew = false } = parts
  const archives = (await disk.list(directory)).filter(name => name.endsWith('.tar')).slice(0, maxArchives)
  if (archives.length === 0) return []
  const ctr = ['ctr', ...(socket === undefined ? [] : ['--address', socket]), ...namespace, 'images']
  const there = new Set((await ask(run, [...ctr, 'ls', '-q'])).split('\n').map(line => line.trim()))
  const found: Array<{ path: string; names: string[] }> = []
  for (const path of archives.map(name => `${directory}/${name}`)) {
    found.push({ path, names: await imageNamesIn(path) })
  }
  const stale = anew ? found.flatMap(({ names }) => names).filter(name => there.has(name)) : []
  // All of them first: a layer goes when no image has it any more, and what was unpacked of it would be taken for whole.
  if (stale.length > 0) await runOrFail(run, [...ctr, 'rm', '--sync', ...stale], { deadlineMs })
  const imported: string[] = []
  for (const { path, names } of found) {
    const missing = names.filter(name => anew || !there.has(name))
    if (missing.length === 0) continue
    await runOrFail(run, [...ctr, 'import', path], { deadlineMs })
    imported.push(...missing)
  }
  // containerd notes an image as whole before its files are on the card; after a power cut they would be empty, for good:
  // https://github.com/containerd/containerd/issues/8973
  if (imported.length > 0) await runOrFail(run, ['sync', '--file-system', containerdRoot], { deadlineMs })
  return imported
}

async function ask(run: RunProgram, argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(argv)
  if (status === 0) return stdout
  if (status === undefined)
    throw new CodedError('NotFound', 'cannot import container images: because there is no ctr here: install containerd')
  const why = stderr.trim().split('\n').at(-1) ?? ''
  throw new CodedError('ServiceUnavailable', `cannot import container images: because containerd says: ${why}`)
}

/** What an OCI archive calls its images (image-spec, annotations of index.json); none for what is no such archive. */
export async function imageNamesIn(path: string): Promise<string[]> {
  const file = await open(path, 'r')
  try {
    const index = await findInTar(file, 'index.json')
    const { manifests = [] } = JSON.parse(index?.toString('utf8') ?? '{}') as { manifests?: unknown[] }
    return manifests.flatMap(manifest => {
      const { annotations = {} } = manifest as { annotations?: Record<string, string> }
      return annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'] ?? []
    })
  } catch (error) {
    throw new CodedError('Invalid', `cannot read ${path}: because ${messageOf(error)}`, { cause: error })
  } finally {
    await file.close()
  }
}

/**
 * POSIX ustar: the name in bytes 0 to 100 of a header, its size in octal digits at 124; contents fill whole blocks. Only headers are read:
 * an agent that starts has no memory to spare for layers.
 */
async function findInTar(file: FileHandle, wanted: string): Promise<Buffer | undefined> {
  for (let entry = 0, at = 0; entry < maxEntries; entry++) {
    const header = await readAt(file, at, block)
    if (header.length < block) return undefined
    const name = header.toString('utf8', 0, 100).replace(/\0.*$/s, '')
    const size = Number.parseInt(header.toString('latin1', 124, 136), 8) || 0
    if (name === wanted) return readAt(file, at + block, Math.min(size, maxIndexBytes))
    at += block + Math.ceil(size / block) * block
  }
  return undefined
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position })
  return buffer.subarray(0, bytesRead)
}
