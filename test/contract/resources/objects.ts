/** Small right objects to start from; each call makes a new one, over which a test writes what it is about. */
import type { AnyObject } from '../../../contract/resources/meta.ts'
import type { Container, Pod, PodSpec } from '../../../contract/resources/pod.ts'

export function container(fields: Partial<Container> = {}): Container {
  return { name: 'web', image: 'nginx:1.27', ...fields }
}

export function pod(spec: Partial<PodSpec> = {}, fields: Partial<Pod> = {}): Pod & AnyObject {
  const metadata = { name: 'web', namespace: 'default' }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container()], ...spec }, ...fields } as Pod &
    AnyObject
}

export function deployment(spec: Record<string, unknown> = {}): AnyObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } }, template: template(), ...spec },
  }
}

export function template(spec: Partial<PodSpec> = {}): { metadata: { labels: Record<string, string> }; spec: PodSpec } {
  return { metadata: { labels: { app: 'web' } }, spec: { containers: [container()], ...spec } }
}

export function service(spec: Record<string, unknown> = {}): AnyObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
  }
}

export function configMap(fields: Record<string, unknown> = {}): AnyObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'default' }, ...fields }
}

export function node(spec: Record<string, unknown> = {}): AnyObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: 'board-1' }, spec }
}
