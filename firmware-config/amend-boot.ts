/** What the boot partition says to firmware and kernel: the files that an image has there, amended. */
import type { Assets } from '../kit/assets.ts'
import { amendCommandLine, readWords } from './command-line.ts'
import { amendConfigTxt, readSetting } from './config-txt.ts'
import { type BoardProfile, boardNames, type RenderedFile } from './profile.ts'

/** An image's boot partition, and what one card needs besides its profile. */
export interface StockBoot {
  /** Undefined when there is no such file. */
  read(path: string): string | undefined
  /** More words for the kernel's command line: `cloudInitWords`, `firstRunWords`. */
  words?: readonly string[]
}

/** systemd-boot's entries of our own image, one for each system that a card may hold. Others' boot loaders keep theirs elsewhere. */
export const loaderEntries = ['loader/entries/a.conf', 'loader/entries/b.conf'] as const

/** The files that change or are new, whole. Amending what is amended already gives none. */
export function amendBoot(assets: Assets, profile: BoardProfile, stock: StockBoot): RenderedFile[] {
  const amended =
    profile.firmware === 'uefi' ? amendEntries(assets, profile, stock) : amendRaspberryPi(assets, profile, stock)
  return amended
    .filter(({ path, content }) => stock.read(path) !== content)
    .map(({ path, content }) => ({ place: 'boot', path, content, mode: 0o644 }))
}

interface BootFile {
  path: string
  content: string
}

/** All Raspberry Pis have one config.txt: a card that moves to another model finds that model's settings, behind their filter. */
function amendRaspberryPi(assets: Assets, profile: BoardProfile, stock: StockBoot): BootFile[] {
  const settings = ['common/raspberry-pi', ...boardNames].map(folder => readText(assets, `${folder}/config.txt`))
  const config = amendConfigTxt(
    stock.read('config.txt') ?? '',
    settings.filter(text => text !== ''),
  )
  // Our own images and Ubuntu's keep one folder for each system: `os_prefix` names it, and goes for cmdline.txt too.
  const path = `${readSetting(config, 'os_prefix') ?? ''}${readSetting(config, 'cmdline') ?? 'cmdline.txt'}`
  const line = amendCommandLine(stock.read(path) ?? '', wordsOf(assets, profile, stock))
  return [
    { path: 'config.txt', content: config },
    { path, content: `${line}\n` },
  ]
}

function amendEntries(assets: Assets, profile: BoardProfile, stock: StockBoot): BootFile[] {
  const words = wordsOf(assets, profile, stock)
  return loaderEntries.flatMap(path => {
    const text = stock.read(path)
    if (text === undefined) return []
    const amend = (line: string): string => `options ${amendCommandLine(line.replace(/^options\s+/, ''), words)}`
    return [{ path, content: text.replace(/^options\s.*$/m, amend) }]
  })
}

function wordsOf(assets: Assets, profile: BoardProfile, stock: StockBoot): string[] {
  const files = [`common/${profile.firmware}/cmdline.txt`, `${profile.name}/cmdline.txt`]
  return [...files.flatMap(file => readWords(readText(assets, file))), ...(stock.words ?? [])]
}

/** Empty when there is none: not every board has something of its own to say. */
function readText(assets: Assets, name: string): string {
  const path = `firmware-config/${name}`
  const folder = path.slice(0, path.lastIndexOf('/'))
  return assets.list(folder).includes(path) ? new TextDecoder().decode(assets.read(path)) : ''
}
