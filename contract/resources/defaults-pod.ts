/** The defaults of pods and of pod templates (core/v1 `SetDefaults_Pod`, `SetDefaults_PodSpec` and those they call). */
import { changeField, changeItems, type Fields, fill } from './fields.ts'

/** 0644 */
const defaultFileMode = 420
const serviceAccountTokenSeconds = 3600

/** A template gets `defaultPodSpec` only: Kubernetes fills in the rest when the pod itself is made. */
export function defaultPod(pod: Fields): Fields {
  return changeField(pod, 'spec', given => {
    const spec = nameAccount(defaultPodSpec(fill(given, { enableServiceLinks: true })))
    const finish = (container: Fields): Fields =>
      defaultRequests(spec['hostNetwork'] === true ? hostPorts(container) : container)
    return changeItems(changeItems(spec, 'initContainers', finish), 'containers', finish)
  })
}

export function defaultPodSpec(given: Fields): Fields {
  let spec = fill(withAccount(given), {
    dnsPolicy: 'ClusterFirst',
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    securityContext: {},
    terminationGracePeriodSeconds: 30,
  })
  spec = changeItems(spec, 'initContainers', defaultContainer)
  spec = changeItems(spec, 'containers', defaultContainer)
  return changeItems(spec, 'volumes', defaultVolume)
}

/** `serviceAccount` is the name that the field had first: both are kept, and the newer one counts (core/v1 conversion). */
function withAccount(spec: Fields): Fields {
  const name = spec['serviceAccountName'] || spec['serviceAccount']
  return name ? { ...spec, serviceAccountName: name, serviceAccount: name } : spec
}

/** A pod is always somebody: who names no account is `default` (admission plugin ServiceAccount). */
function nameAccount(spec: Fields): Fields {
  return withAccount(fill(spec, { serviceAccountName: 'default' }))
}

function defaultContainer(given: Fields): Fields {
  let container = fill(given, {
    imagePullPolicy: pullPolicyOf(String(given['image'] ?? '')),
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  })
  container = changeItems(container, 'ports', port => fill(port, { protocol: 'TCP' }))
  container = changeItems(container, 'env', variable => changeField(variable, 'valueFrom', defaultFieldSource))
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    container = changeField(container, probe, defaultProbe)
  }
  return changeField(container, 'lifecycle', lifecycle =>
    changeField(changeField(lifecycle, 'postStart', defaultHandler), 'preStop', defaultHandler),
  )
}

/** An image whose tag is, or means, `latest` may change at any time: it is always pulled. */
function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  const [tagged = '', digest] = image.split('@')
  const name = tagged.slice(tagged.lastIndexOf('/') + 1)
  const tag = name.includes(':') ? name.slice(name.indexOf(':') + 1) : undefined
  return tag === 'latest' || (tag === undefined && digest === undefined) ? 'Always' : 'IfNotPresent'
}

function defaultProbe(given: Fields): Fields {
  const probe = fill(given, { failureThreshold: 3, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1 })
  return changeField(defaultHandler(probe), 'grpc', grpc => ({ service: '', ...grpc }))
}

function defaultHandler(handler: Fields): Fields {
  return changeField(handler, 'httpGet', get => fill(get, { path: '/', scheme: 'HTTP' }))
}

function defaultFieldSource(source: Fields): Fields {
  const withField = changeField(source, 'fieldRef', ref => fill(ref, { apiVersion: 'v1' }))
  return changeField(withField, 'resourceFieldRef', ref => fill(ref, { divisor: '0' }))
}

function defaultVolume(given: Fields): Fields {
  const sources = Object.keys(given).filter(field => field !== 'name')
  let volume: Fields = sources.length === 0 ? { ...given, emptyDir: {} } : given
  for (const source of ['configMap', 'secret', 'downwardAPI', 'projected']) {
    volume = changeField(volume, source, files => fill(files, { defaultMode: defaultFileMode }))
  }
  volume = changeField(volume, 'hostPath', path => ({ type: '', ...path }))
  volume = changeField(volume, 'downwardAPI', defaultDownwardItems)
  volume = changeField(volume, 'ephemeral', ephemeral =>
    changeField(ephemeral, 'volumeClaimTemplate', claim =>
      changeField(claim, 'spec', spec => fill(spec, { volumeMode: 'Filesystem' })),
    ),
  )
  return changeField(volume, 'projected', projected => changeItems(projected, 'sources', defaultProjection))
}

function defaultProjection(source: Fields): Fields {
  const withToken = changeField(source, 'serviceAccountToken', token =>
    fill(token, { expirationSeconds: serviceAccountTokenSeconds }),
  )
  return changeField(withToken, 'downwardAPI', defaultDownwardItems)
}

function defaultDownwardItems(downward: Fields): Fields {
  return changeItems(downward, 'items', defaultFieldSource)
}

/** What is limited is also asked for, unless said otherwise. */
function defaultRequests(container: Fields): Fields {
  return changeField(container, 'resources', resources => {
    const limits = resources['limits'] as Fields | undefined
    if (limits === undefined) return resources
    return changeField({ requests: {}, ...resources }, 'requests', requests => fill(requests, limits))
  })
}

/** On the host's network a container's port is the host's. */
function hostPorts(container: Fields): Fields {
  return changeItems(container, 'ports', port => fill(port, { hostPort: port['containerPort'] }))
}
