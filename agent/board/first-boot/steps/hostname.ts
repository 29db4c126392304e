/** Names the host as the card says: the node will have the same name. */
import { putFile } from '../../disk.ts'
import type { Step } from '../context.ts'

export const hostnameStep: Step = {
  name: 'hostname',
  title: 'naming the host',
  appliesTo: ({ isOwnImage }) => isOwnImage,
  async run({ disk, settings: { hostname } }) {
    await putFile(disk, '/etc/hostname', { content: `${hostname}\n`, mode: 0o644 })
    const hosts = renderHosts((await disk.read('/etc/hosts')) ?? '', hostname)
    await putFile(disk, '/etc/hosts', { content: hosts, mode: 0o644 })
    // proc_sys_kernel(5): what the program of that name sets.
    await disk.poke('/proc/sys/kernel/hostname', hostname)
  },
}

/** Debian's own way (127.0.1.1, Debian Reference 5.1.1): the name resolves while there is no network. */
export function renderHosts(text: string, hostname: string): string {
  const others = text.split('\n').filter(line => line.trim() !== '' && !/^127\.0\.1\.1\s/.test(line))
  const lines = others.length > 0 ? others : ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback']
  return `${[...lines, `127.0.1.1 ${hostname}`].join('\n')}\n`
}
