/** Who there is on a board: what base-passwd and the packages' sysusers.d ask for, with numbers that stay. */
import { CodedError } from '../../kit/errors.ts'

/**
 * Numbers for names that packages leave to the machine. They are for ever: files on the data partition carry them, and that partition
 * outlives the system that wrote them. A new name gets a new number; none is given twice.
 */
const numbers: Record<string, number> = {
  'systemd-journal': 901,
  input: 902,
  render: 903,
  kvm: 904,
  sgx: 905,
  clock: 906,
  _ssh: 907,
  'systemd-network': 910,
  'systemd-resolve': 911,
  'systemd-timesync': 912,
  messagebus: 913,
  sshd: 914,
  flotilla: 920,
}

export const admin = { name: 'admin', id: 1000, home: '/var/home/admin' }
/** For reading the journal; for root's rights. */
const adminGroups = ['adm', 'systemd-journal', 'sudo', 'video', 'dialout', 'plugdev']

interface User {
  name: string
  id: number
  group: number
  comment: string
  home: string
  shell: string
}

export interface UserSources {
  /** /usr/share/base-passwd/passwd.master */
  passwd: string
  /** /usr/share/base-passwd/group.master */
  group: string
  /** Files of /usr/lib/sysusers.d, sysusers.d(5). */
  sysusers: string[]
}

/** The four files of /etc by name. Throws with a name that has no number. */
export function renderUsers(sources: UserSources): Record<'passwd' | 'group' | 'shadow' | 'gshadow', string> {
  const groups = new Map(linesOf(sources.group).map(line => [line[0] ?? '', Number(line[2])]))
  const users = new Map(linesOf(sources.passwd).map(line => [line[0] ?? '', toUser(line)]))
  for (const [type = '', name = '', id, comment, home, shell] of sources.sysusers.flatMap(readSysusers)) {
    if (type === 'g' && !groups.has(name)) groups.set(name, numberOf(name, id))
    if (!type.startsWith('u') || users.has(name)) continue
    const [own, group] = (id ?? '-').split(':')
    const number = numberOf(name, own)
    if (group === undefined) groups.set(name, number)
    users.set(name, {
      ...{ name, id: number, comment: comment ?? '' },
      group: group === undefined ? number : (groups.get(group) ?? Number(group)),
      home: home ?? '/',
      shell: shell ?? '/usr/sbin/nologin',
    })
  }
  groups.set(admin.name, admin.id)
  users.set(admin.name, { ...admin, group: admin.id, comment: 'Whose keys the card has', shell: '/bin/bash' })
  const members = (group: string): string => (adminGroups.includes(group) ? admin.name : '')
  return {
    passwd: [...users.values()]
      .map(({ name, id, group, comment, home, shell }) => `${name}:x:${id}:${group}:${comment}:${home}:${shell}\n`)
      .join(''),
    group: [...groups].map(([name, id]) => `${name}:x:${id}:${members(name)}\n`).join(''),
    // No password fits: people come with keys, and become root by sudo.
    shadow: [...users.keys()].map(name => `${name}:*:19000:0:99999:7:::\n`).join(''),
    gshadow: [...groups.keys()].map(name => `${name}:*::${members(name)}\n`).join(''),
  }
}

function toUser([name = '', , id, group, comment = '', home = '/', shell = '']: string[]): User {
  return { name, id: Number(id), group: Number(group), comment, home, shell }
}

function linesOf(text: string): string[][] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.split(':'))
}

/** `u name id "comment" home shell`, `-` for what is not said. */
function readSysusers(text: string): Array<Array<string | undefined>> {
  return text
    .split('\n')
    .filter(line => /^[ug]/.test(line))
    .map(line => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain))
    .map(words => words.map((word, at) => (word === '-' && at > 2 ? undefined : word)))
}

function numberOf(name: string, id: string | undefined): number {
  const number = Number(id ?? Number.NaN)
  if (Number.isInteger(number)) return number
  const own = numbers[name]
  if (own !== undefined) return own
  throw new CodedError(
    'NotFound',
    `cannot build the image: because the user or group "${name}" of a package has no number; give it one in images/os/users.ts that no other has had`,
  )
}
