/** A container's security context in CRI's words. Pure. */
import * as m from './cri-messages.ts'
import type { ContainerSecurity, Seccomp } from './runtime.ts'

interface Board {
  /** The kernel has seccomp. */
  seccomp: boolean
}

/**
 * The kernel's own: what tells of the board or of other containers, and what changes the board (`/proc/sys/kernel/core_pattern`
 * names a program that the kernel runs as root on it). containerd 1.6 hides nothing by itself. As the kubelet has it.
 */
const maskedPaths = [
  ...['asound', 'acpi', 'interrupts', 'kcore', 'keys', 'latency_stats', 'timer_list', 'timer_stats'],
  ...['sched_debug', 'scsi'],
].map(name => `/proc/${name}`)
const maskedDevices = ['/sys/firmware', '/sys/devices/virtual/powercap']
const readonlyPaths = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map(name => `/proc/${name}`)

export function toSecurityMessage(security: ContainerSecurity = {}, board: Board) {
  const { privileged = false, runAsUser, runAsGroup, capabilities, supplementalGroups = [] } = security
  return {
    privileged,
    // A privileged container has all rights already.
    noNewPrivs: !(security.allowPrivilegeEscalation ?? privileged),
    readonlyRootfs: security.readOnlyRootfs ?? false,
    supplementalGroups: supplementalGroups.map(BigInt),
    ...(capabilities && { capabilities }),
    ...(typeof runAsUser === 'number' && { runAsUser: { value: BigInt(runAsUser) } }),
    ...(typeof runAsUser === 'string' && { runAsUsername: runAsUser }),
    ...(runAsGroup !== undefined && { runAsGroup: { value: BigInt(runAsGroup) } }),
    ...(!privileged && {
      maskedPaths: [...maskedPaths, ...maskedDevices],
      readonlyPaths,
      ...seccompMessage(security.seccomp, board),
    }),
  }
}

export function seccompMessage(profile: Seccomp = 'RuntimeDefault', { seccomp }: Board) {
  // Any profile would keep the container from starting.
  if (!seccomp) return {}
  const { runtimeDefault, unconfined, localhost } = m.seccompProfiles
  if (profile === 'RuntimeDefault') return { seccomp: { profileType: runtimeDefault } }
  if (profile === 'Unconfined') return { seccomp: { profileType: unconfined } }
  return { seccomp: { profileType: localhost, localhostRef: profile.path } }
}
