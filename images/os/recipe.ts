/** What every stage of an image is told, and what it may leave for the ones behind it. */
import { join } from 'node:path'
import type { Assets } from '../../kit/assets.ts'
import type { Deb } from '../apt.ts'
import type { Machine } from './machines.ts'

export interface Recipe {
  machine: Machine
  /** The working directory of this image: one folder a thing, below. */
  folder: string
  /** Packages that were fetched before; outlives the build. */
  cache: string
  /** The .deb of Flotilla itself. */
  flotillaDeb: string
  assets: Assets
  /** Seconds: every file of the image has this age, so that the same packages make the same image. */
  epoch: number
  /** Lines of an earlier `.manifest`, when the image must be made of just these packages. */
  pinned: readonly string[] | undefined
}

export interface Stage {
  /** As its file is called. */
  name: string
  /** What it does, for whoever watches. */
  what: string
  /** Resolves to what there is to tell of it. */
  run(recipe: Recipe): Promise<string>
}

/** Where stages leave their work. */
export function placesOf({ folder, machine }: Recipe) {
  return {
    apt: join(folder, 'apt'),
    /** The system: becomes root-a. */
    root: join(folder, 'root'),
    /** Packages that are taken apart for some of their files, and are not installed. */
    parts: join(folder, 'parts'),
    /** Becomes the boot partition. */
    boot: join(folder, 'boot'),
    bootImage: join(folder, 'boot.fat'),
    rootImage: join(folder, 'root.erofs'),
    diskImage: join(folder, `flotilla-${machine.architecture}.img`),
    /** `Fetched` as JSON. */
    fetched: join(folder, 'packages.json'),
  }
}

/** What the first stage fetched. */
export interface Fetched {
  /** Installed: they are in the system's list of packages. */
  installed: Deb[]
  /** Only some files of them are taken. */
  parts: Deb[]
}
