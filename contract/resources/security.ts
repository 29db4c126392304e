/** What a container may do on its board, as a manifest asks for it (core/v1 SecurityContext). Fields are those that Flotilla acts on. */

/** Those that a pod gives to all its containers, and that a container may say otherwise. */
interface SharedSecurity {
  runAsUser?: number
  runAsGroup?: number
  runAsNonRoot?: boolean
  seccompProfile?: SeccompProfile
  [field: string]: unknown
}

export interface PodSecurityContext extends SharedSecurity {
  supplementalGroups?: number[]
  /** Owns the files of the pod's volumes, and is one of its processes' groups. */
  fsGroup?: number
}

export interface SecurityContext extends SharedSecurity {
  /** Without it: no. (Kubernetes: yes.) */
  allowPrivilegeEscalation?: boolean
  privileged?: boolean
  readOnlyRootFilesystem?: boolean
  capabilities?: { add?: string[]; drop?: string[] }
}

/** Without one: RuntimeDefault. (Kubernetes: Unconfined.) */
export interface SeccompProfile {
  type: 'RuntimeDefault' | 'Unconfined' | 'Localhost'
  /** With `Localhost`: a path below the board's directory of profiles. */
  localhostProfile?: string
}

/** As of Linux 6.x (capability.h), without their `CAP_`. */
export const capabilityNames = [
  ...['AUDIT_CONTROL', 'AUDIT_READ', 'AUDIT_WRITE', 'BLOCK_SUSPEND', 'BPF', 'CHECKPOINT_RESTORE', 'CHOWN'],
  ...['DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'IPC_LOCK', 'IPC_OWNER', 'KILL', 'LEASE'],
  ...['LINUX_IMMUTABLE', 'MAC_ADMIN', 'MAC_OVERRIDE', 'MKNOD', 'NET_ADMIN', 'NET_BIND_SERVICE', 'NET_BROADCAST'],
  ...['NET_RAW', 'PERFMON', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYSLOG', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_CHROOT'],
  ...['SYS_MODULE', 'SYS_NICE', 'SYS_PACCT', 'SYS_PTRACE', 'SYS_RAWIO', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG'],
  'WAKE_ALARM',
]

/** `CAP_NET_RAW`, `net_raw` and `NET_RAW` are one. */
export function bareCapability(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, '')
}
