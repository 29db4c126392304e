/** What kind of board this is: the adapter of `systeminformation`, asked once at start since its calls start processes. */
import { readFile } from 'node:fs/promises'
import { arch, hostname, release } from 'node:os'
import { cpu, osInfo, system, uuid } from 'systeminformation'
import type { NodeSystemInfo } from '../../contract/resources/node.ts'

export interface Inventory {
  hostname: string
  /** Such as `Raspberry Pi 4 Model B`; empty where the firmware does not say. */
  model: string
  cores: number
  info: Omit<NodeSystemInfo, 'containerRuntimeVersion' | 'kubeletVersion' | 'kubeProxyVersion'>
}

export async function readInventory(): Promise<Inventory> {
  const [os, board, processor, ids, bootID, machineID] = await Promise.all([
    osInfo(),
    system(),
    cpu(),
    uuid(),
    readLine('/proc/sys/kernel/random/boot_id'),
    readLine('/etc/machine-id'),
  ])
  return {
    hostname: hostname(),
    model: board.model,
    cores: processor.cores,
    info: {
      architecture: imageArchitecture(arch()),
      operatingSystem: 'linux',
      osImage: [os.distro, os.release, os.codename && `(${os.codename})`].filter(Boolean).join(' '),
      kernelVersion: release(),
      machineID: machineID || ids.os,
      systemUUID: ids.hardware,
      bootID,
    },
  }
}

/** Node's name of a processor as container images spell it (OCI image index, `platform.architecture`). */
export function imageArchitecture(nodeArchitecture: string): string {
  const names: Record<string, string> = { x64: 'amd64', ia32: '386' }
  return names[nodeArchitecture] ?? nodeArchitecture
}

async function readLine(path: string): Promise<string> {
  // Both files are missing on some minimal systems; an empty id is what Kubernetes shows then.
  return (await readFile(path, 'utf8').catch(() => '')).trim()
}
