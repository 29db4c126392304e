/** Finds the profile of a board, by its name or by what the board says of itself. */
import { parseYamlDocuments } from '../contract/manifest/yaml.ts'
import type { Assets } from '../kit/assets.ts'
import { CodedError } from '../kit/errors.ts'
import { type BoardName, type BoardProfile, boardNames } from './profile.ts'

const architectures = ['arm64', 'amd64']
const firmwares = ['raspberry-pi', 'uefi']
/** What Node calls an architecture that Debian calls otherwise. */
const debianNames: Record<string, string> = { x64: 'amd64' }

/** Throws `NotFound` with the names that there are. */
export function loadProfile(assets: Assets, name: string): BoardProfile {
  if (!isBoardName(name))
    throw new CodedError(
      'NotFound',
      `cannot find the board "${name}": because there is no profile of that name. Choose one of ${boardNames.join(', ')}`,
    )
  const path = `firmware-config/${name}/profile.yaml`
  const { documents, problems } = parseYamlDocuments(new TextDecoder().decode(assets.read(path)), path)
  const value = documents[0]?.value
  if (problems.length > 0 || !isProfile(value))
    throw new CodedError('InternalError', `cannot read ${path}: because it is not a profile`, { problems })
  return { ...value, name }
}

/**
 * The profile of a running board. `model` is what /proc/device-tree/model says, up to its NUL, and undefined on a PC; `architecture`
 * is Debian's or Node's name. A board that no profile names is a generic one. Throws `NotFound` where not even that exists.
 */
export function findProfile(assets: Assets, model: string | undefined, architecture: string): BoardProfile {
  const wanted = debianNames[architecture] ?? architecture
  const profiles = boardNames.map(name => loadProfile(assets, name))
  const matches = profiles
    .flatMap(profile => (profile.models ?? []).map(start => ({ profile, start })))
    .filter(({ profile, start }) => profile.architecture === wanted && startsWithWords(model ?? '', start))
    // "Raspberry Pi 400" is no "Raspberry Pi 4": whole words, and of two that fit the one that says more.
    .sort((a, b) => b.start.length - a.start.length)
  const found = matches[0]?.profile ?? profiles.find(({ name }) => name === `generic-${wanted}`)
  if (found !== undefined) return found
  throw new CodedError(
    'NotFound',
    `cannot find a profile for this board: because Flotilla has none for ${architecture}, only for ${architectures.join(' and ')}`,
  )
}

function startsWithWords(text: string, words: string): boolean {
  return text.startsWith(words) && !/^\w/.test(text.slice(words.length))
}

function isBoardName(name: string): name is BoardName {
  return boardNames.some(known => known === name)
}

function isProfile(value: unknown): value is Omit<BoardProfile, 'name'> {
  if (typeof value !== 'object' || value === null) return false
  const { title, architecture, firmware, models = [], leds = [], ...more } = value as Record<string, unknown>
  const { hasNoCable = false, ownImageLacks = '' } = more
  const isTexts = (list: unknown): boolean => Array.isArray(list) && list.every(item => typeof item === 'string')
  return (
    typeof title === 'string' &&
    architectures.includes(String(architecture)) &&
    firmwares.includes(String(firmware)) &&
    isTexts(models) &&
    isTexts(leds) &&
    typeof hasNoCable === 'boolean' &&
    typeof ownImageLacks === 'string'
  )
}
