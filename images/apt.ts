/** Debian packages of any architecture, chosen and checked by apt with a state of its own: nothing of this machine's is touched. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '../kit/errors.ts'
import { run } from './run.ts'

export interface Deb {
  name: string
  version: string
  architecture: string
  path: string
}

export interface AptOptions {
  architecture: string
  /** For apt's state: lists of packages. */
  folder: string
  /** For packages, shared by all architectures, kept. */
  archives: string
  /** The mirror is one of a day gone by: its lists say that they have run out. */
  isPast?: boolean
  /** Packages, by a pattern for their names, that come from a suite that is not the default. */
  pins?: Array<{ packages: string; suite: string }>
}

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
const release = 'trixie'

export interface Apt {
  /** Fetches `wanted` (names, patterns or paths of .debs) with all that they depend on, into an empty system. */
  fetchWithDependencies(wanted: readonly string[]): Promise<Deb[]>
  /** Fetches just these. */
  fetch(names: readonly string[]): Promise<Deb[]>
  /** What a package depends on, itself included, as long as the names match. */
  closure(name: string, matching: RegExp): Promise<string[]>
}

/** Asks the mirror what it has. $FLOTILLA_MIRROR and $FLOTILLA_SECURITY_MIRROR name others than Debian's own. */
export async function openApt(options: AptOptions): Promise<Apt> {
  const env = { APT_CONFIG: await configure(options) }
  await run('apt-get', ['update', '--quiet', '--error-on=any'], { env })
  const toDeb = (name: string, version: string, architecture: string): Deb => ({
    ...{ name, version, architecture },
    path: join(options.archives, `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`),
  })
  return {
    async fetchWithDependencies(wanted) {
      const args = ['install', '--yes', '--no-install-recommends', ...wanted]
      const plan = await run('apt-get', ['--simulate', ...args], { env })
      await run('apt-get', ['--download-only', ...args], { env })
      return plan
        .split('\n')
        .flatMap(line => {
          const [, ...parts] = line.match(/^Inst (\S+) \((\S+) (.*) \[(\w+)\]\)/) ?? []
          return parts.length > 0 ? [parts] : []
        })
        .map(([name = '', version = '', origin = '', architecture = '']) => {
          const local = origin.includes('local-deb') && wanted.find(path => path.includes(`/${name}_`))
          return { ...toDeb(name, version, architecture), ...(local && { path: local }) }
        })
    },
    async fetch(names) {
      if (names.length === 0) return []
      await run('apt-get', ['download', ...names], { env, cwd: options.archives })
      const found = await run('apt-cache', ['show', '--no-all-versions', ...names], { env })
      return found
        .split('\n\n')
        .map(text => ['Package', 'Version', 'Architecture'].map(field => readField(text, field)))
        .filter(([name]) => name !== '')
        .map(([name = '', version = '', architecture = '']) => toDeb(name, version, architecture))
    },
    async closure(name, matching) {
      const found = new Set([name])
      for (const next of found) {
        const text = await run('apt-cache', ['show', '--no-all-versions', next], { env })
        const names = readField(text, 'Depends')
          .split(/[,|]/)
          .map(part => part.trim().split(' ')[0] ?? '')
        for (const other of names) if (matching.test(other)) found.add(other)
      }
      return [...found].sort()
    },
  }
}

async function configure({ architecture, folder, archives, pins = [], isPast }: AptOptions): Promise<string> {
  await Promise.all(['lists/partial', 'etc'].map(name => mkdir(join(folder, name), { recursive: true })))
  await mkdir(join(archives, 'partial'), { recursive: true })
  const mirror = process.env.FLOTILLA_MIRROR ?? 'http://deb.debian.org/debian'
  const security = process.env.FLOTILLA_SECURITY_MIRROR ?? 'http://deb.debian.org/debian-security'
  const suites = [release, `${release}-updates`, `${release}-backports`].map(suite => [mirror, suite])
  const sources = [...suites, [security, `${release}-security`]].map(
    ([url, suite]) => `deb [signed-by=${keyring}] ${url} ${suite} main non-free-firmware\n`,
  )
  const preferences = pins.map(
    ({ packages, suite }) => `Package: ${packages}\nPin: release n=${suite}\nPin-Priority: 600\n`,
  )
  const settings = {
    Dir: `${folder}/`,
    'Dir::State': `${folder}/`,
    'Dir::State::status': `${folder}/status`,
    'Dir::State::lists': `${folder}/lists`,
    'Dir::Cache': `${folder}/`,
    'Dir::Cache::archives': `${archives}/`,
    'Dir::Etc': `${folder}/etc`,
    'Dir::Etc::sourcelist': `${folder}/sources.list`,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::preferences': `${folder}/preferences`,
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::Etc::trustedparts': '/dev/null',
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Get::Assume-Yes': 'true',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'Acquire::Check-Valid-Until': String(!isPast),
    // Its own user could not reach a folder in somebody's home.
    'APT::Sandbox::User': 'root',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`)
  const files = {
    status: '',
    'sources.list': sources.join(''),
    preferences: preferences.join('\n'),
    'apt.conf': lines.join(''),
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  return join(folder, 'apt.conf')
}

function readField(text: string, field: string): string {
  return text.match(new RegExp(`^${field}: (.*)$`, 'm'))?.[1] ?? ''
}

/** `name version architecture` a line, sorted: what an image is made of. */
export function renderManifest(debs: readonly Deb[]): string[] {
  return [...new Set(debs.map(({ name, version, architecture }) => `${name} ${version} ${architecture}`))].sort()
}

/** Throws with the packages that are others than those of `pinned`. Flotilla's own may be newer: it is what one builds. */
export function checkManifest(lines: readonly string[], pinned: readonly string[]): void {
  const isDebian = (line: string): boolean => line !== '' && !line.startsWith('flotilla ')
  const missing = pinned.filter(line => isDebian(line) && !lines.includes(line))
  const extra = lines.filter(line => isDebian(line) && !pinned.includes(line))
  if (missing.length + extra.length === 0) return
  const shown = [...missing.map(line => `- ${line}`), ...extra.map(line => `+ ${line}`)].slice(0, 20)
  throw new CodedError(
    'Conflict',
    `cannot build the image again: because the mirror has other packages (${missing.length} gone, ${extra.length} new): name a mirror of that day in FLOTILLA_MIRROR and FLOTILLA_SECURITY_MIRROR\n${shown.join('\n')}`,
  )
}
