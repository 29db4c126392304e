/** Decides what a container may do: its own security context over its pod's, over our defaults (core/v1 SecurityContext). Pure. */
import type { Container } from '../../contract/resources/pod.ts'
import { bareCapability, type SeccompProfile } from '../../contract/resources/security.ts'
import type { PodWish } from '../../contract/wire/fleet.ts'
import { CodedError } from '../../kit/errors.ts'
import type { ContainerSecurity, ImageStatus, Seccomp } from '../runtime/runtime.ts'

export interface SecurityFacts {
  image: Pick<ImageStatus, 'user'>
  hasSeccomp: boolean
  /** Directory of the board that localhost profiles are in. */
  seccompProfiles: string
}

/** Throws `Invalid` for what cannot be given: then the container must not start with less. */
export function resolveSecurity(pod: PodWish, container: Container, facts: SecurityFacts): ContainerSecurity {
  const shared = pod.spec.securityContext ?? {}
  const own = container.securityContext ?? {}
  const asked = own.runAsUser ?? shared.runAsUser
  const runAsGroup = own.runAsGroup ?? shared.runAsGroup
  // CRI takes no group without a user; without both the image's own group counts, too.
  const runAsUser = asked ?? (runAsGroup === undefined ? undefined : facts.image.user)
  if (own.runAsNonRoot ?? shared.runAsNonRoot) {
    requireNonRoot(asked ?? facts.image.user, { isAsked: asked !== undefined })
  }
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])]
  const privileged = own.privileged ?? false
  const { add = [], drop = [] } = own.capabilities ?? {}
  return {
    privileged,
    allowPrivilegeEscalation: escalates(own.allowPrivilegeEscalation, { privileged, add }),
    readOnlyRootfs: own.readOnlyRootFilesystem ?? false,
    ...(runAsUser !== undefined && { runAsUser }),
    ...(runAsGroup !== undefined && { runAsGroup }),
    supplementalGroups: [...new Set(groups)],
    capabilities: { add: add.map(bareCapability), drop: drop.map(bareCapability) },
    seccomp: privileged ? 'Unconfined' : seccompOf(own.seccompProfile ?? shared.seccompProfile, facts),
  }
}

/** True when a pod asks for more than a sandbox has. */
export function isPrivileged({ spec }: PodWish): boolean {
  return spec.containers.some(({ securityContext }) => securityContext?.privileged === true)
}

/** The kubelet's rule (`verifyRunAsNonRoot`): a name may be root's, and nobody has looked into the image. */
function requireNonRoot(user: number | string, { isAsked }: { isAsked: boolean }): void {
  if (typeof user === 'string') {
    const text = `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root`
    throw new CodedError('Invalid', text)
  }
  if (user !== 0) return
  const why = isAsked
    ? "container's runAsUser breaks non-root policy"
    : 'container has runAsNonRoot and image will run as root'
  throw new CodedError('Invalid', why)
}

/** Whoever may do everything needs no leave to gain more. */
function escalates(asked: boolean | undefined, { privileged, add }: { privileged: boolean; add: string[] }): boolean {
  if (asked !== undefined) return asked
  const names = add.map(bareCapability)
  return privileged || names.includes('SYS_ADMIN') || names.includes('ALL')
}

function seccompOf(profile: SeccompProfile | undefined, { hasSeccomp, seccompProfiles }: SecurityFacts): Seccomp {
  if (profile?.type === 'Unconfined') return 'Unconfined'
  if (profile && !hasSeccomp) {
    throw new CodedError(
      'Invalid',
      `cannot apply the seccompProfile ${profile.type}: because this board's kernel has no seccomp`,
    )
  }
  return profile?.type === 'Localhost' ? { path: `${seccompProfiles}/${profile.localhostProfile}` } : 'RuntimeDefault'
}
