/** Rules of pods and of the pod templates in other kinds (core/v1 `ValidatePodSpec`). */
import { checkLabelName, checkLabelValue, checkQualifiedName, checkSubdomainName } from './names.ts'
import { at, checkName, checkOneOf, checkRange, checkUnique, type Place, report } from './place.ts'
import type { Container, PodSpec, Toleration } from './pod.ts'
import { validateContainer } from './validate-container.ts'
import { validateLabels } from './validate-meta.ts'
import { validatePodSecurity, validateSecurity } from './validate-security.ts'
import { validateVolumes } from './validate-volumes.ts'

export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

/** What a pod spec may hold beyond the fields that Flotilla acts on, as far as rules speak of it. */
interface UntypedFields {
  initContainers?: Container[]
  dnsPolicy?: string
  dnsConfig?: { nameservers?: string[] }
  activeDeadlineSeconds?: number
  subdomain?: string
}

export function validatePodSpec(given: PodSpec, place: Place): void {
  const spec = given as PodSpec & UntypedFields
  validateContainers(spec, place)
  validateVolumes(spec, place)
  checkOneOf(at(place, 'restartPolicy'), spec.restartPolicy, ['Always', 'OnFailure', 'Never'])
  checkOneOf(at(place, 'dnsPolicy'), spec.dnsPolicy, ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'])
  if (spec.dnsPolicy === 'None' && !spec.dnsConfig?.nameservers?.length) {
    report(at(place, 'dnsConfig', 'nameservers'), 'is required with the dnsPolicy None')
  }
  checkRange(at(place, 'terminationGracePeriodSeconds'), spec.terminationGracePeriodSeconds, { min: 0 })
  checkRange(at(place, 'activeDeadlineSeconds'), spec.activeDeadlineSeconds, { min: 1 })
  validateLabels(spec.nodeSelector, at(place, 'nodeSelector'))
  for (const [index, toleration] of (spec.tolerations ?? []).entries()) {
    validateToleration(toleration, at(place, 'tolerations', index))
  }
  if (spec.nodeName) checkName(at(place, 'nodeName'), spec.nodeName, checkLabelName)
  if (spec.hostname) checkName(at(place, 'hostname'), spec.hostname, checkLabelName)
  if (spec.subdomain) checkName(at(place, 'subdomain'), spec.subdomain, checkLabelName)
  if (spec.serviceAccountName) checkName(at(place, 'serviceAccountName'), spec.serviceAccountName, checkSubdomainName)
  for (const [index, { name }] of (spec.imagePullSecrets ?? []).entries()) {
    if (name) checkName(at(place, 'imagePullSecrets', index, 'name'), name, checkSubdomainName)
  }
  if (spec.securityContext) validatePodSecurity(spec.securityContext, at(place, 'securityContext'))
}

function validateContainers(spec: PodSpec & UntypedFields, place: Place): void {
  if (spec.containers.length === 0) report(at(place, 'containers'), 'must hold at least one container')
  const lists = { initContainers: spec.initContainers ?? [], containers: spec.containers }
  const all = Object.entries(lists).flatMap(([list, containers]) =>
    containers.map((container, index) => ({ container, place: at(place, list, index) })),
  )
  for (const { container, place: inside } of all) {
    validateContainer(container, inside)
    if (container.securityContext) validateSecurity(container.securityContext, at(inside, 'securityContext'))
    if (spec.hostNetwork === true) requireHostPorts(container, inside)
  }
  checkUnique(all.map(({ container, place: inside }) => ({ key: container.name, place: at(inside, 'name') })))
  checkUnique(
    all.flatMap(({ container, place: inside }) =>
      (container.ports ?? []).map(({ hostPort, hostIP = '', protocol }, index) => ({
        key: hostPort === undefined ? undefined : `${hostIP || '*'}:${hostPort}/${protocol}`,
        place: at(inside, 'ports', index, 'hostPort'),
      })),
    ),
  )
}

function requireHostPorts({ ports = [] }: Container, place: Place): void {
  for (const [index, { containerPort, hostPort }] of ports.entries()) {
    if (hostPort === undefined || hostPort === containerPort) continue
    report(
      at(place, 'ports', index, 'hostPort'),
      `must be equal to the containerPort ${containerPort} with hostNetwork`,
    )
  }
}

function validateToleration(toleration: Toleration, place: Place): void {
  const { key, operator, value, effect, tolerationSeconds } = toleration
  checkOneOf(at(place, 'operator'), operator || undefined, ['Exists', 'Equal'])
  checkOneOf(at(place, 'effect'), effect || undefined, taintEffects)
  if (key) checkName(at(place, 'key'), key, checkQualifiedName)
  else if (operator !== 'Exists') report(at(place, 'operator'), 'must be Exists when there is no key')
  if (operator === 'Exists' && value) report(at(place, 'value'), 'must be left out with the operator Exists')
  else if (value) checkName(at(place, 'value'), value, checkLabelValue)
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    report(at(place, 'effect'), 'must be NoExecute when there are tolerationSeconds')
  }
}
