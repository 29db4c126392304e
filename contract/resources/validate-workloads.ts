/** Rules of the kinds that make pods from a template (apps/v1). */
import type { LabelSelector } from './meta.ts'
import { at, checkOneOf, checkRange, type Place, report } from './place.ts'
import type { PodSpec, PodTemplate } from './pod.ts'
import { matchesSelector, requirementsOf } from './selector.ts'
import { validateAnnotations, validateLabels, validateSelector } from './validate-meta.ts'
import { validatePodSpec } from './validate-pod.ts'
import type { Deployment, DeploymentStrategy, ReplicaSet } from './workloads.ts'

const keptRunning = 'these pods are kept running'

export function validateReplicaSet({ spec }: ReplicaSet, place: Place): void {
  checkRange(at(place, 'spec', 'replicas'), spec.replicas, { min: 0 })
  checkRange(at(place, 'spec', 'minReadySeconds'), spec.minReadySeconds, { min: 0 })
  validateTemplate(spec, at(place, 'spec'))
}

export function validateDeployment({ spec }: Deployment, place: Place): void {
  checkRange(at(place, 'spec', 'replicas'), spec.replicas, { min: 0 })
  checkRange(at(place, 'spec', 'minReadySeconds'), spec.minReadySeconds, { min: 0 })
  checkRange(at(place, 'spec', 'revisionHistoryLimit'), spec.revisionHistoryLimit, { min: 0 })
  checkRange(at(place, 'spec', 'progressDeadlineSeconds'), spec.progressDeadlineSeconds, {
    min: (spec.minReadySeconds ?? 0) + 1,
  })
  validateStrategy(spec.strategy ?? {}, at(place, 'spec', 'strategy'))
  validateTemplate(spec, at(place, 'spec'))
}

function validateTemplate(spec: { selector: LabelSelector; template?: Partial<PodTemplate> }, place: Place): void {
  const { selector, template = {} } = spec
  const found = place.problems.length
  validateSelector(selector, at(place, 'selector'))
  const isEmpty = requirementsOf(selector).length === 0
  if (isEmpty) report(at(place, 'selector'), 'must not be empty: it would select every pod')
  // Whether a wrong selector matches says nothing.
  const isRight = place.problems.length === found
  const inside = at(place, 'template')
  const labels = template.metadata?.labels
  validateLabels(labels, at(inside, 'metadata', 'labels'))
  validateAnnotations(template.metadata?.annotations, at(inside, 'metadata', 'annotations'))
  if (isRight && !matchesSelector(selector, labels)) {
    report(at(inside, 'metadata', 'labels'), `must match the selector ${JSON.stringify(selector)}`)
  }
  if (template.spec === undefined) report(at(inside, 'spec'), 'is required')
  else validateTemplateSpec(template.spec, at(inside, 'spec'))
}

function validateTemplateSpec(spec: PodSpec, place: Place): void {
  validatePodSpec(spec, place)
  if (spec.restartPolicy !== 'Always') report(at(place, 'restartPolicy'), `must be Always: ${keptRunning}`)
  if (spec['activeDeadlineSeconds'] !== undefined) {
    report(at(place, 'activeDeadlineSeconds'), `must be left out: ${keptRunning}`)
  }
}

function validateStrategy({ type, rollingUpdate }: DeploymentStrategy, place: Place): void {
  checkOneOf(at(place, 'type'), type, ['RollingUpdate', 'Recreate'])
  const inside = at(place, 'rollingUpdate')
  if (rollingUpdate === undefined) return
  if (type === 'Recreate') report(inside, 'must be left out with the type Recreate')
  const { maxSurge, maxUnavailable } = rollingUpdate
  const surge = checkShare(at(inside, 'maxSurge'), maxSurge)
  const unavailable = checkShare(at(inside, 'maxUnavailable'), maxUnavailable)
  if (surge === 0 && unavailable === 0) {
    report(at(inside, 'maxUnavailable'), 'must not be 0 when maxSurge is 0: no pod could ever be replaced')
  }
  if (typeof maxUnavailable === 'string' && (unavailable ?? 0) > 100) {
    report(at(inside, 'maxUnavailable'), `must not be more than 100%, but is ${maxUnavailable}`)
  }
}

/** A number of pods or a percentage; its number, or undefined if it is neither. */
function checkShare(place: Place, share: number | string | undefined): number | undefined {
  if (typeof share === 'string' && /^\d{1,9}%$/.test(share)) return Number(share.slice(0, -1))
  if (typeof share === 'string')
    return report(place, `must be a number of pods or a share such as "25%", not "${share}"`)
  checkRange(place, share, { min: 0 })
  return share
}
