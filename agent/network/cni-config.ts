/** The CNI configuration that gives pods their addresses, written so that containerd never reads half of it. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatCidr } from './cidr.ts'

/** containerd takes the first file by name. */
const fileName = '10-flotilla.conflist'

export interface CniConfig {
  podCIDR: string
  /** Where host-local keeps which address is whose. Default: the plugin's own. */
  dataDir?: string | undefined
  /** Default: the plugin's own, the kernel's. */
  mtu?: number | undefined
}

/**
 * `ptp`, not `bridge`: two pods of one board then meet only through the board's routing, where our rules see them. Masquerading
 * is done by our own table. CNI 1.0.0 is what Debian 12's plugins and containerd understand.
 */
export function renderCniConfig({ podCIDR, dataDir, mtu }: CniConfig): string {
  const ipam = {
    type: 'host-local',
    ranges: [[{ subnet: formatCidr(podCIDR) }]],
    routes: [{ dst: '0.0.0.0/0' }],
    ...(dataDir !== undefined && { dataDir }),
  }
  const plugin = { type: 'ptp', ipMasq: false, ipam, ...(mtu !== undefined && { mtu }) }
  return `${JSON.stringify({ cniVersion: '1.0.0', name: 'flotilla', plugins: [plugin] }, undefined, 2)}\n`
}

/** Leaves the file alone when it is right already: containerd loads its network anew at every change. */
export async function writeCniConfig(directory: string, config: CniConfig): Promise<void> {
  const path = join(directory, fileName)
  const text = renderCniConfig(config)
  if ((await readIfThere(path)) === text) return
  await mkdir(directory, { recursive: true })
  // The name must not end in .conf, .conflist or .json, or containerd would take it for one more network.
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
