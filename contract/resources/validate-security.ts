/** Rules of what a pod and its containers may do on their board (core/v1 `ValidatePodSecurityContext`, `ValidateSecurityContext`). */
import { at, checkOneOf, checkRange, type Place, report } from './place.ts'
import {
  bareCapability,
  capabilityNames,
  type PodSecurityContext,
  type SeccompProfile,
  type SecurityContext,
} from './security.ts'
import { checkFilePath } from './volume.ts'

/** Linux' uids and gids, without the one that means none. */
const idRange = { min: 0, max: 2 ** 31 - 1 }
const seccompTypes = ['RuntimeDefault', 'Unconfined', 'Localhost']

export function validatePodSecurity(security: PodSecurityContext, place: Place): void {
  validateShared(security, place)
  checkRange(at(place, 'fsGroup'), security.fsGroup, idRange)
  for (const [index, group] of (security.supplementalGroups ?? []).entries()) {
    checkRange(at(place, 'supplementalGroups', index), group, idRange)
  }
}

export function validateSecurity(security: SecurityContext, place: Place): void {
  validateShared(security, place)
  const { allowPrivilegeEscalation, privileged, capabilities: { add = [], drop = [] } = {} } = security
  for (const [list, names] of Object.entries({ add, drop })) {
    for (const [index, name] of names.entries()) {
      checkOneOf(at(place, 'capabilities', list, index), bareCapability(name), ['ALL', ...capabilityNames])
    }
  }
  if (allowPrivilegeEscalation !== false) return
  const forbidden = at(place, 'allowPrivilegeEscalation')
  if (privileged) report(forbidden, 'cannot be false in a privileged container')
  else if (add.map(bareCapability).includes('SYS_ADMIN'))
    report(forbidden, 'cannot be false with the capability SYS_ADMIN')
}

function validateShared(
  { runAsUser, runAsGroup, seccompProfile }: PodSecurityContext | SecurityContext,
  place: Place,
): void {
  checkRange(at(place, 'runAsUser'), runAsUser, idRange)
  checkRange(at(place, 'runAsGroup'), runAsGroup, idRange)
  if (seccompProfile) validateSeccomp(seccompProfile, at(place, 'seccompProfile'))
}

function validateSeccomp({ type, localhostProfile }: SeccompProfile, place: Place): void {
  checkOneOf(at(place, 'type'), type, seccompTypes)
  const file = at(place, 'localhostProfile')
  if (type === 'Localhost') {
    const problem = checkFilePath(localhostProfile ?? '')
    if (problem !== undefined) report(file, problem)
  } else if (localhostProfile) report(file, `must be left out with the type ${type}`)
}
