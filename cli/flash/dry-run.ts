/** `flotilla flash --dry-run`: each file of the card against what the image has, secrets masked; nothing is written, no token made. */
import { onBoot } from '../../contract/card/card-places.ts'
import type { CardSettings } from '../../contract/card/card-settings.ts'
import { renderRoot } from '../../firmware-config/render-root.ts'
import type { Terminal } from '../terminal.ts'
import { type CardFile, cardContent } from './card-content.ts'
import { formatSize } from './disk/format-size.ts'
import { masked, maskSecrets, maskUnknown, secretsOf } from './mask.ts'
import type { Preparation } from './prepare.ts'
import { printable } from './tell.ts'
import { unifiedDiff } from './unified-diff.ts'
import { assertFits } from './write-card.ts'

/** Stands where the join line will be. As long as one, so that what fits now fits then. */
export const placeholderTicket = `flotilla://(made when the card is written)${'.'.repeat(160)}`
const shownPlaceholder = '(a join line, made when the card is written)'

export interface DryFile {
  path: string
  /** Unified; of what is no text, its size. */
  diff: string
}

/** Rejects also with what writing would: when the files do not fit. */
export async function showDryRun(preparation: Preparation, terminal: Terminal): Promise<number> {
  const { wish, cards, kind } = preparation
  for (const settings of cards) {
    const files = await dryFiles(preparation, settings)
    if (wish.json) {
      terminal.print(`${JSON.stringify({ phase: 'dry-run', hostname: settings.hostname, image: kind.title, files })}\n`)
      continue
    }
    terminal.print(
      `# ${settings.hostname}: what changes on the boot partition of ${preparation.image.source.path} (${kind.title})\n`,
    )
    if (kind.label !== undefined) terminal.print(`# It will be called ${kind.label}, by which cloud-init finds it.\n`)
    for (const { diff } of files) terminal.print(printable(diff))
    terminal.print(firstStartOf(preparation))
  }
  terminal.warn('Nothing was written, and no token was made.\n')
  return 0
}

async function dryFiles(preparation: Preparation, settings: CardSettings): Promise<DryFile[]> {
  const { image, kind, package: debian, wish } = preparation
  const ticket = wish.role === 'master' ? undefined : placeholderTicket
  const files = cardContent({ ...preparation, settings, ticket, package: debian?.content }, image.stock)
  await assertFits({ image, kind, files })
  return files.map(file => ({ path: file.path, diff: diffOf(file, image.stock.text(file.path), secretsOf(settings)) }))
}

function diffOf({ path, content }: CardFile, before: string | undefined, secrets: string[]): string {
  if (typeof content !== 'string') return `+++ card/${path}: ${formatSize(content.length)}\n`
  // An image may be that of a card which was written before: its secrets are shown no more than those of this one.
  if (path === onBoot.join)
    return unifiedDiff(path, before === undefined ? undefined : `${masked}\n`, `${shownPlaceholder}\n`)
  return unifiedDiff(path, before && maskUnknown(before), maskUnknown(maskSecrets(content, secrets)))
}

/** On others' images the profile is applied when the board starts: what is not in the package is then new, under names of our own. */
function firstStartOf({ assets, profile, kind }: Preparation): string {
  if (kind.by === 'own') return ''
  const packaged = new Set(renderRoot(assets, profile, 'package').map(({ path }) => path))
  const files = renderRoot(assets, profile, 'board').filter(({ path }) => !packaged.has(path))
  const diffs = files.map(({ path, content }) => unifiedDiff(path.slice(1), undefined, content))
  return `# At its first start the board installs the package and gets, where they are missing:\n${diffs.join('')}`
}
