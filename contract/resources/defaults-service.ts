/** The defaults of a Service (core/v1 `SetDefaults_Service`, and what its REST strategy adds on a cluster with IPv4 only). */
import { changeField, changeItems, type Fields, fill } from './fields.ts'

const affinityTimeoutSeconds = 3 * 60 * 60

export function defaultService(service: Fields): Fields {
  return changeField(service, 'spec', given => {
    const spec = defaultByType(fill(given, { sessionAffinity: 'None', type: 'ClusterIP' }))
    return changeItems(defaultAffinity(spec), 'ports', port =>
      fill(port, { protocol: 'TCP', targetPort: port['port'] }),
    )
  })
}

function defaultByType(spec: Fields): Fields {
  if (spec['type'] === 'ExternalName') return spec
  const families = { internalTrafficPolicy: 'Cluster', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }
  const own = fill(spec['clusterIP'] ? fill(spec, { clusterIPs: [spec['clusterIP']] }) : spec, families)
  if (spec['type'] === 'ClusterIP') return own
  const outer = fill(own, { externalTrafficPolicy: 'Cluster' })
  return spec['type'] === 'LoadBalancer' ? fill(outer, { allocateLoadBalancerNodePorts: true }) : outer
}

function defaultAffinity(spec: Fields): Fields {
  if (spec['sessionAffinity'] !== 'ClientIP') return spec
  const withConfig = fill(spec, { sessionAffinityConfig: {} })
  return changeField(withConfig, 'sessionAffinityConfig', config =>
    changeField(fill(config, { clientIP: {} }), 'clientIP', client =>
      fill(client, { timeoutSeconds: affinityTimeoutSeconds }),
    ),
  )
}
