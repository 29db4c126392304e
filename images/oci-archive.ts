/** Makes and reads OCI images as tar archives that `ctr images import` takes. The adapter of `tar-stream`. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { extract, pack } from 'tar-stream'
import { CodedError, messageOf } from '../kit/errors.ts'

export type ImageFile =
  | { path: string; mode: number; content: string | Buffer }
  /** `source` is a file on this machine. */
  | { path: string; mode: number; source: string }
  | { path: string; mode: number; directory: true }
  | { path: string; symlink: string }

export interface ImageSpec {
  /** With registry and tag: `docker.io/library/x:1`. */
  name: string
  /** In Go's words: `amd64`, `arm64`, `arm`. */
  architecture: string
  /** Parent directories are made for them (0755). */
  files: ImageFile[]
  config: ImageConfig
}

export interface ImageConfig {
  entrypoint?: string[]
  cmd?: string[]
  /** `NAME=value` */
  env?: string[]
  /** `8080/tcp` */
  exposedPorts?: string[]
  workingDir?: string
  user?: string
}

/** OCI image-spec `descriptor.md`. */
export interface Descriptor {
  mediaType: string
  digest: string
  size: number
  annotations?: Record<string, string>
  platform?: { os: string; architecture: string }
}

/** An image in memory: its manifest's descriptor, and every blob (manifest and config too) by digest. */
export interface OciImage {
  name: string
  manifest: Descriptor
  blobs: Map<string, Buffer>
}

const imageName = 'io.containerd.image.name'
const refName = 'org.opencontainers.image.ref.name'
/** All that an image of ours holds goes through memory; more than this is not an image of ours. */
const maxArchiveBytes = 512 * 1024 * 1024

/** Writes the image to `path` in one step (a reader sees the old file or the new one). Same input, same bytes. */
export async function writeOciArchive(spec: ImageSpec & { path: string }): Promise<OciImage> {
  const image = await buildOciImage(spec)
  await mkdir(dirname(spec.path), { recursive: true })
  await writeFile(`${spec.path}.part`, await renderArchive(image))
  await rename(`${spec.path}.part`, spec.path)
  return image
}

export async function buildOciImage(spec: ImageSpec): Promise<OciImage> {
  const blobs = new Map<string, Buffer>()
  const platform = { os: 'linux', architecture: spec.architecture }
  const layer = addBlob(blobs, 'application/vnd.oci.image.layer.v1.tar', await renderLayer(spec.files))
  // An uncompressed layer is its own diff id, and no version of zlib can change the bytes.
  const rootfs = { type: 'layers', diff_ids: [layer.digest] }
  const config = addJson(blobs, 'application/vnd.oci.image.config.v1+json', {
    created: '1970-01-01T00:00:00Z',
    ...platform,
    config: renderConfig(spec.config),
    rootfs,
  })
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = addJson(blobs, mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] })
  const annotations = { [imageName]: spec.name, [refName]: spec.name }
  return { name: spec.name, manifest: { ...manifest, annotations, platform }, blobs }
}

/** The images of an archive that `writeOciArchive`, skopeo or umoci made. */
export async function readOciArchive(path: string): Promise<OciImage[]> {
  const files = await readTar(path)
  const index = files.get('index.json')
  if (!index) throw new CodedError('Invalid', `cannot read ${path}: because it has no index.json (not an OCI archive)`)
  const blobs = new Map<string, Buffer>()
  for (const [name, content] of files) {
    const [, algorithm, hash] = name.match(/^blobs\/([^/]+)\/([^/]+)$/) ?? []
    if (algorithm && hash) blobs.set(`${algorithm}:${hash}`, content)
  }
  const { manifests } = JSON.parse(index.toString()) as { manifests: Descriptor[] }
  return manifests.map(manifest => ({
    name: manifest.annotations?.[imageName] ?? manifest.annotations?.[refName] ?? '',
    manifest,
    blobs,
  }))
}

/** Go's name of the machine that we run on. */
export function localArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch
}

function renderConfig(config: ImageConfig): Record<string, unknown> {
  return {
    ...(config.user && { User: config.user }),
    ...(config.exposedPorts && { ExposedPorts: Object.fromEntries(config.exposedPorts.map(port => [port, {}])) }),
    Env: config.env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ...(config.entrypoint && { Entrypoint: config.entrypoint }),
    ...(config.cmd && { Cmd: config.cmd }),
    WorkingDir: config.workingDir ?? '/',
  }
}

function addJson(blobs: Map<string, Buffer>, mediaType: string, value: unknown): Descriptor {
  return addBlob(blobs, mediaType, Buffer.from(JSON.stringify(value)))
}

function addBlob(blobs: Map<string, Buffer>, mediaType: string, content: Buffer): Descriptor {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
  blobs.set(digest, content)
  return { mediaType, digest, size: content.length }
}

function renderArchive(image: OciImage): Promise<Buffer> {
  const files: ImageFile[] = [
    { path: 'oci-layout', mode: 0o644, content: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', mode: 0o644, content: JSON.stringify({ schemaVersion: 2, manifests: [image.manifest] }) },
  ]
  for (const [digest, content] of image.blobs)
    files.push({ path: `blobs/${digest.replace(':', '/')}`, mode: 0o644, content })
  return renderLayer(files)
}

/** A tar that depends on nothing but its content: sorted, times at 0, owned by root. */
async function renderLayer(files: ImageFile[]): Promise<Buffer> {
  const tar = pack()
  const chunks: Buffer[] = []
  const drained = pipeline(tar, async source => {
    for await (const chunk of source) chunks.push(chunk as Buffer)
  })
  for (const file of withParents(files)) await addEntry(tar, file)
  tar.finalize()
  await drained
  return Buffer.concat(chunks)
}

function withParents(files: ImageFile[]): ImageFile[] {
  const byPath = new Map(files.map(file => [file.path.replace(/^\/+/, ''), file]))
  for (const path of [...byPath.keys()]) {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent))
      if (!byPath.has(parent)) byPath.set(parent, { path: parent, mode: 0o755, directory: true })
  }
  const sorted = [...byPath].sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([path, file]) => ({ ...file, path }))
}

async function addEntry(tar: ReturnType<typeof pack>, file: ImageFile): Promise<void> {
  const common = { mtime: new Date(0), uid: 0, gid: 0 }
  if ('symlink' in file) {
    tar.entry({ ...common, name: file.path, mode: 0o777, type: 'symlink', linkname: file.symlink })
  } else if ('directory' in file) {
    tar.entry({ ...common, name: `${file.path}/`, mode: file.mode, type: 'directory' })
  } else {
    const content = 'source' in file ? await readSource(file.source) : Buffer.from(file.content)
    tar.entry({ ...common, name: file.path, mode: file.mode }, content)
  }
}

async function readSource(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new CodedError('NotFound', `cannot put ${path} into an image: because ${messageOf(error)}`, { cause: error })
  }
}

async function readTar(path: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  const reader = extract()
  let bytes = 0
  const reading = pipeline(createReadStream(path), reader)
  const collecting = (async () => {
    for await (const entry of reader) {
      const chunks: Buffer[] = []
      for await (const chunk of entry) {
        bytes += (chunk as Buffer).length
        if (bytes > maxArchiveBytes)
          throw new CodedError(
            'RequestEntityTooLarge',
            `cannot read ${path}: because it is over ${maxArchiveBytes} bytes`,
          )
        chunks.push(chunk as Buffer)
      }
      if (entry.header.type === 'file') files.set(entry.header.name.replace(/^\.\//, ''), Buffer.concat(chunks))
    }
  })()
  await Promise.all([reading, collecting])
  return files
}
