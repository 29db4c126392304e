/** How the doctor installs packages of the distribution. */
import type { Repair } from './check.ts'

/** What a person would type. */
export function installCommand(packages: string[]): string {
  return `apt-get install -y ${packages.join(' ')}`
}

/** Fails rather than remove what its owner uses: Docker's containerd.io gives way to Debian's containerd otherwise. */
export function installRepairs(packages: string[]): Repair[] {
  return [
    // The lists of a system that was just flashed are old, or not there.
    { do: 'run', argv: ['apt-get', 'update'] },
    { do: 'run', argv: ['apt-get', 'install', '-y', '--no-remove', ...packages] },
  ]
}
