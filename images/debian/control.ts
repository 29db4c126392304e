/** What dpkg is told about the package: its control file. */

/** Debian's names of the architectures that we have a package for, with the names of Node that the packed programs carry. */
export const architectures = { amd64: 'x64', arm64: 'arm64' } as const
export type Architecture = keyof typeof architectures

export interface ControlFacts {
  version: string
  architecture: Architecture
  installedBytes: number
}

/** Debian wants one; there is no person behind it that is not in the sources' history. */
export const maintainer = 'Flotilla maintainers <maintainers@flotilla.dev>'

/** Of bookworm, the oldest release that the package is for; the program itself runs from glibc 2.28 on, and the C++ library of GCC 6. */
export const depends = [
  'libc6 (>= 2.28)',
  'libgcc-s1',
  'libstdc++6 (>= 6)',
  // The users and the state directory are made by these, at installation.
  'systemd | systemd-standalone-sysusers | systemd-sysusers',
  // What a board needs to run pods. Docker's own package has both, and conflicts with Debian's.
  'containerd (>= 1.6) | containerd.io',
  'runc | containerd.io',
  'containernetworking-plugins',
  'nftables',
  'iproute2',
  'conntrack',
  'kmod',
  'procps',
]
/** What some commands start: a board can do without. */
const recommends = [
  // `flotilla flash`: partition tables, and images in xz, which it unpacks slower by itself. zstd, gzip and zip are Node's and our own.
  'fdisk',
  'xz-utils',
  // By these containerd believes registries of images; its own package does not ask for them.
  'ca-certificates',
]
const suggests = ['mosquitto', 'bash-completion']

export function renderControl({ version, architecture, installedBytes }: ControlFacts): string {
  const fields = {
    Package: 'flotilla',
    Version: version,
    Architecture: architecture,
    Maintainer: maintainer,
    'Installed-Size': String(Math.ceil(installedBytes / 1024)),
    Depends: depends.join(', '),
    Recommends: recommends.join(', '),
    Suggests: suggests.join(', '),
    Section: 'admin',
    Priority: 'optional',
    Homepage: 'https://flotilla.dev',
    Description: description,
  }
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('')
}

/** A short line, then paragraphs as deb-control(5) wants them. */
const description = [
  "Kubernetes' model for clusters of small boards",
  ' Flotilla runs containers on a handful of small computers, such as Raspberry',
  " Pis, by Kubernetes' own manifests. One program is all of it: the agent on",
  ' every board, the master on one of them, and the commands of the fleet.',
  ' .',
  ' After installation the agent waits until the board joins a cluster',
  ' ("flotilla join"); the master is started on the one board that should have it',
  ' ("systemctl enable --now flotilla-master").',
].join('\n')
