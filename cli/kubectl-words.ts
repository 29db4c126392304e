/** What people who know kubectl will try and Flotilla does not have: each word is answered with the way that there is. */
import { type Command, usageExitStatus } from '../kit/command-line.ts'
import type { Fleet } from './fleet.ts'
import { createProcessTerminal } from './terminal.ts'

const editAndApply = 'change the manifest, and apply it again: flotilla apply -f FILE'
const notYet = 'this is still to come'

const waysOut: Record<string, string> = {
  annotate: editAndApply,
  attach: 'see what it prints with flotilla logs POD -f, or run a command in it with flotilla exec',
  autoscale: notYet,
  cordon: notYet,
  cp: 'pipe it: flotilla exec POD -- cat FILE, or flotilla exec -i POD -- sh -c "cat > FILE"',
  drain: notYet,
  edit: 'write it to a file, edit it there, and apply it: flotilla get TYPE NAME -o yaml > FILE',
  explain: 'the fields are those of Kubernetes; apply names any that it does not know',
  expose: 'write a Service, and apply it: flotilla apply -f FILE',
  label: editAndApply,
  patch: editAndApply,
  'port-forward': 'a Service of type NodePort is reachable on every board',
  replace: editAndApply,
  run: 'write a Pod, and apply it: flotilla apply -f FILE',
  scale: `set spec.replicas: ${editAndApply}`,
  set: editAndApply,
  taint: notYet,
  top: 'see flotilla get nodes -o wide',
  uncordon: notYet,
  wait: 'follow a rollout with flotilla apply -f FILE --wait, or flotilla rollout status',
}

const rolloutWaysOut: Record<string, string> = {
  history: 'each revision is a ReplicaSet: flotilla get replicasets',
  pause: notYet,
  restart: `change something in the template, such as an annotation: ${editAndApply}`,
  resume: notYet,
  undo: `apply the manifest of before again: flotilla apply -f FILE`,
}

const createWay = 'write a manifest, and apply it: flotilla apply -f FILE'
const createWaysOut = Object.fromEntries(
  ['cronjob', 'deployment', 'ingress', 'job', 'poddisruptionbudget', 'priorityclass', 'quota', 'service'].map(kind => [
    kind,
    createWay,
  ]),
)

export function createMissingCommands(fleet?: Fleet): Command[] {
  return commandsOf(waysOut, '', fleet)
}

export function createMissingRollouts(fleet?: Fleet): Command[] {
  return commandsOf(rolloutWaysOut, 'rollout ', fleet)
}

export function createMissingCreations(fleet?: Fleet): Command[] {
  return commandsOf(createWaysOut, 'create ', fleet)
}

/** Whatever follows the word, the answer is the same. */
function commandsOf(ways: Record<string, string>, before: string, fleet: Fleet | undefined): Command[] {
  return Object.entries(ways).map(([name, way]) => ({
    name,
    summary: way,
    hidden: true,
    arguments: '[anything...]',
    takesUnknownOptions: true,
    async run() {
      const { terminal } = fleet ?? { terminal: createProcessTerminal() }
      terminal.warn(`error: Flotilla has no "${before}${name}": ${way}\n`)
      return usageExitStatus
    },
  }))
}

/** Kinds of Kubernetes that are not here yet, by all the names that kubectl takes; else a near miss would be proposed. */
const missingKinds = [
  'cronjob cronjobs cj',
  'customresourcedefinition customresourcedefinitions crd crds',
  'daemonset daemonsets ds',
  'horizontalpodautoscaler horizontalpodautoscalers hpa',
  'ingress ingresses ing',
  'ingressclass ingressclasses',
  'job jobs',
  'lease leases',
  'limitrange limitranges limits',
  'networkpolicy networkpolicies netpol',
  'persistentvolume persistentvolumes pv',
  'persistentvolumeclaim persistentvolumeclaims pvc',
  'poddisruptionbudget poddisruptionbudgets pdb',
  'priorityclass priorityclasses pc',
  'replicationcontroller replicationcontrollers rc',
  'resourcequota resourcequotas quota',
  'statefulset statefulsets sts',
  'storageclass storageclasses sc',
].map(row => row.split(' '))

/** `daemonset` for `ds`; undefined for a word that means nothing to Kubernetes either. */
export function missingKind(word: string): string | undefined {
  const [plain = ''] = word.toLowerCase().split('.')
  return missingKinds.find(names => names.includes(plain))?.[0]
}
