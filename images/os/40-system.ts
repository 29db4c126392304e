/** Does what the packages' own scripts would have done on a running machine: none of them can run for another architecture. */
import { globSync } from 'node:fs'
import { chmod, chown, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { placesOf, type Recipe, type Stage } from './recipe.ts'
import { admin, renderUsers } from './users.ts'

/** What update-alternatives, and links that scripts make, come to. Path below the root → where to. */
const links: Record<string, string> = {
  'usr/bin/awk': 'mawk',
  'usr/bin/which': 'which.debianutils',
  'usr/bin/vi': 'busybox',
  'usr/bin/less': 'busybox',
  'usr/bin/pager': 'busybox',
  // The kernel believes Debian's signature of the table of channels.
  'usr/lib/firmware/regulatory.db': 'regulatory.db-debian',
  'usr/lib/firmware/regulatory.db.p7s': 'regulatory.db.p7s-debian',
  'etc/localtime': '/usr/share/zoneinfo/Etc/UTC',
  // Not the stub at 127.0.0.53: pods get this file too, and that address is another one for them.
  'etc/resolv.conf': '../run/systemd/resolve/resolv.conf',
  'usr/lib/ssl/cert.pem': '/etc/ssl/certs/ca-certificates.crt',
  // The root is read-only: what people have is on the data partition.
  // More doors to sshd, for virtual machines and containers: ours has one, and only when the card has keys.
  'etc/systemd/system-generators/systemd-ssh-generator': '/dev/null',
  home: 'var/home',
  srv: 'var/srv',
}

/** Empty directories: mount points, and what scripts make. Mode and owner where they are not the usual ones. */
const directories: Array<{ path: string; mode?: number; owner?: number }> = [
  ...['boot/firmware', 'dev', 'proc', 'run', 'sys', 'mnt', 'media', 'opt', 'var/srv', 'var/local', 'var/mail'].map(
    path => ({ path }),
  ),
  ...['var/cache', 'var/lib/misc', 'var/log', 'var/spool', 'var/opt', 'etc/ssl/certs', 'usr/local/bin'].map(path => ({
    path,
  })),
  { path: 'root', mode: 0o700 },
  // tmpfiles.d would make it at each start, and complain that it cannot.
  { path: 'root/.ssh', mode: 0o700 },
  { path: 'tmp', mode: 0o1777 },
  { path: 'var/tmp', mode: 0o1777 },
  { path: 'var/home/admin', mode: 0o700, owner: admin.id },
  { path: 'etc/ssl/private', mode: 0o700 },
]

export const system: Stage = {
  name: '40-system',
  what: "do what the packages' own scripts would do",
  async run(recipe) {
    const { root } = placesOf(recipe)
    for (const directory of directories) await makeDirectory(root, directory)
    for (const [path, target] of Object.entries(links)) await link(join(root, path), target)
    await writeUsers(root)
    await writePam(root)
    await writeCertificates(root)
    await writeFiles(recipe)
    return 'users, certificates, PAM, links'
  },
}

async function makeDirectory(
  root: string,
  { path, mode = 0o755, owner = 0 }: (typeof directories)[number],
): Promise<void> {
  await mkdir(join(root, path), { recursive: true })
  await chmod(join(root, path), mode)
  await chown(join(root, path), owner, owner)
}

async function link(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await rm(path, { recursive: true, force: true })
  await symlink(target, path)
}

async function writeUsers(root: string): Promise<void> {
  const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8')
  const folder = 'usr/lib/sysusers.d'
  const names = (await readdir(join(root, folder))).filter(name => name.endsWith('.conf')).sort()
  const files = renderUsers({
    passwd: await read('usr/share/base-passwd/passwd.master'),
    group: await read('usr/share/base-passwd/group.master'),
    sysusers: await Promise.all(names.map(name => read(join(folder, name)))),
  })
  const shadow = /^shadow:x:(\d+)/m.exec(files.group)?.[1]
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, 'etc', name)
    await writeFile(path, content)
    await chmod(path, name.endsWith('shadow') ? 0o640 : 0o644)
    if (name.endsWith('shadow')) await chown(path, 0, Number(shadow))
  }
}

/** What pam-auth-update makes of the templates when nobody chose anything: pam_unix alone. */
async function writePam(root: string): Promise<void> {
  const modules: Record<string, string> = {
    auth_primary: 'auth\t[success=1 default=ignore]\tpam_unix.so nullok',
    account_primary: 'account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so',
    password_primary: 'password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt',
    session_primary: 'session\t[default=1]\t\t\tpam_permit.so',
    session_additional: 'session\trequired\tpam_unix.so',
    session_nonint_primary: 'session\t[default=1]\t\t\tpam_permit.so',
    session_nonint_additional: 'session\trequired\tpam_unix.so',
  }
  const folder = join(root, 'usr/share/pam')
  for (const name of (await readdir(folder)).filter(name => !name.endsWith('.md5sums'))) {
    const template = await readFile(join(folder, name), 'utf8')
    await writeFile(
      join(root, 'etc/pam.d', name),
      template.replace(/^\$(\w+)$/gm, (_, token: string) => modules[token] ?? ''),
    )
  }
}

/** One file with all authorities: what Go's programs (containerd) and OpenSSL look for. */
async function writeCertificates(root: string): Promise<void> {
  const folder = join(root, 'usr/share/ca-certificates/mozilla')
  const names = (await readdir(folder)).sort()
  const texts = await Promise.all(names.map(name => readFile(join(folder, name), 'utf8')))
  await writeFile(join(root, 'etc/ssl/certs/ca-certificates.crt'), texts.map(text => `${text.trim()}\n`).join(''))
}

/** Files that scripts copy, and those of `images/os/files`, which lie there as they lie on the board. */
async function writeFiles({ machine, ...recipe }: Recipe): Promise<void> {
  const { root } = placesOf({ machine, ...recipe })
  const own = join(import.meta.dirname, 'files')
  for (const path of globSync('**/*', { cwd: own, withFileTypes: true }).filter(entry => entry.isFile())) {
    const from = join(path.parentPath, path.name)
    const to = join(root, from.slice(own.length))
    await mkdir(dirname(to), { recursive: true })
    await cp(from, to)
    await chmod(
      to,
      (await readFile(from, 'utf8')).startsWith('#!') ? 0o755 : to.includes('/sudoers.d/') ? 0o440 : 0o644,
    )
    await chown(to, 0, 0)
  }
  await cp(join(root, 'usr/share/openssh/sshd_config'), join(root, 'etc/ssh/sshd_config'))
}
