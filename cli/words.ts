/** The words of each command: its name, options and examples, as `--help` shows them. */
import type { Command, Option } from '../kit/command-line.ts'

/** Of every command that talks to a cluster. */
export const connectionOptions: Option[] = [
  { flags: '--context <name>', summary: 'which cluster of the configuration' },
  { flags: '--server <url>', summary: 'the master, such as mqtts://board-1.local:8883' },
  {
    flags: '--config <file>',
    summary: 'configuration (default: $FLOTILLA_CONFIG, then ~/.config/flotilla/config.yaml; $FLOTILLA_TOKEN: a token)',
  },
]
export const namespaceOption: Option = {
  flags: '-n, --namespace <name>',
  summary: "namespace (default: the context's)",
}
export const allNamespacesOption: Option = { flags: '-A, --all-namespaces', summary: 'all namespaces' }
const selectorOption: Option = { flags: '-l, --selector <query>', summary: 'labels, such as app=web,tier!=db' }
const fieldSelectorOption: Option = {
  flags: '--field-selector <query>',
  summary: 'fields, such as spec.nodeName=board-1',
}
const fileOption: Option = { flags: '-f, --filename <file...>', summary: 'manifest file or folder, - for stdin' }
const recursiveOption: Option = { flags: '-R, --recursive', summary: 'folders with what is below them' }
const containerOption: Option = { flags: '-c, --container <name>', summary: "container (default: the pod's first)" }
const timeoutOption: Option = { flags: '--timeout <span>', summary: 'give up after so long, such as 90s or 5m' }
export const noHeadersOption: Option = { flags: '--no-headers', summary: 'rows without titles' }

export type Words = Omit<Command, 'run'>

export const applyWords: Words = {
  name: 'apply',
  summary: 'Make the cluster as manifests say: create what is new, change what differs',
  options: [
    fileOption,
    recursiveOption,
    namespaceOption,
    { flags: '--dry-run <mode>', summary: 'check only', choices: ['none', 'client', 'server'], default: 'none' },
    { flags: '--wait', summary: 'until deployments have rolled out' },
    timeoutOption,
    { flags: '-o, --output <format>', summary: 'print the objects', choices: ['json', 'yaml', 'name'] },
    ...connectionOptions,
  ],
  examples: [
    '$ flotilla apply -f web.yaml              one file, with all documents in it',
    '$ flotilla apply -f manifests/ -R         a folder and all below it',
    '$ flotilla apply -f web.yaml --wait       and follow the rollout to its end',
    '$ cat web.yaml | flotilla apply -f -      from stdin',
  ],
}

export const getWords: Words = {
  name: 'get',
  arguments: '[types-and-names...]',
  summary: 'Show objects as a table, or as documents with -o',
  options: [
    { flags: '-o, --output <format>', summary: 'format', choices: ['wide', 'yaml', 'json', 'name'] },
    { flags: '-w, --watch', summary: 'go on with each change' },
    { flags: '--watch-only', summary: 'changes only, not what there is' },
    selectorOption,
    fieldSelectorOption,
    namespaceOption,
    allNamespacesOption,
    noHeadersOption,
    { flags: '--show-labels', summary: 'labels as a last column' },
    ...connectionOptions,
  ],
  examples: [
    '$ flotilla get nodes -o wide              the boards, with load and temperature',
    '$ flotilla get pods,svc -l app=web        several types at once',
    '$ flotilla get deploy/web -o yaml         one object, whole',
    '$ flotilla get pods -A -w                 everything that happens to pods',
  ],
}

export const describeWords: Words = {
  name: 'describe',
  arguments: '<types-and-names...>',
  summary: 'Show all about objects, with what happened to them and why',
  options: [namespaceOption, allNamespacesOption, selectorOption, ...connectionOptions],
  examples: [
    '$ flotilla describe pod web-1             why does it not start?',
    '$ flotilla describe node board-2          its health, load and pods',
  ],
}

export const deleteWords: Words = {
  name: 'delete',
  arguments: '[types-and-names...]',
  summary: 'Delete objects, and wait until they are gone',
  options: [
    fileOption,
    recursiveOption,
    namespaceOption,
    allNamespacesOption,
    { flags: '--all', summary: 'all objects of the type' },
    selectorOption,
    fieldSelectorOption,
    { flags: '--grace-period <seconds>', summary: "how long pods may take to end (default: the pod's own)" },
    { flags: '--now', summary: 'end pods within a second' },
    { flags: '--force', summary: 'forget pods without waiting for their node' },
    { flags: '--ignore-not-found', summary: 'what is gone already is fine' },
    { flags: '--wait [yes]', summary: 'until they are gone', choices: ['true', 'false'], default: 'true' },
    timeoutOption,
    { flags: '--dry-run <mode>', summary: 'check only', choices: ['none', 'client', 'server'], default: 'none' },
    ...connectionOptions,
  ],
  examples: [
    '$ flotilla delete -f web.yaml             all that the file describes',
    '$ flotilla delete pod web-1 --now         one pod, without its time to say goodbye',
    '$ flotilla delete deploy -l app=web --wait=false',
  ],
}

export const logsWords: Words = {
  name: 'logs',
  arguments: '[pod-or-type/name]',
  summary: 'Print what a container has written',
  options: [
    containerOption,
    { flags: '--all-containers', summary: 'every container of the pod' },
    { flags: '-f, --follow', summary: 'go on as more comes' },
    { flags: '--tail <lines>', summary: 'the last so many lines' },
    { flags: '--since <span>', summary: 'not older than, such as 10m' },
    { flags: '-p, --previous', summary: 'of the container before its last restart' },
    { flags: '--timestamps', summary: 'with the time of each line' },
    selectorOption,
    { flags: '--prefix', summary: "each line with its pod's and container's name" },
    namespaceOption,
    ...connectionOptions,
  ],
  examples: [
    '$ flotilla logs web-1 -f --tail 20        the last lines, and what comes',
    '$ flotilla logs deploy/web                a pod of the deployment',
    '$ flotilla logs -l app=web --prefix -f    all pods of an app at once',
  ],
}

export const execWords: Words = {
  name: 'exec',
  arguments: '<pod-or-type/name> [command...]',
  summary: 'Run a command in a container; its exit status is ours',
  // Those of the command, when the -- before it was forgotten.
  takesUnknownOptions: true,
  options: [
    containerOption,
    { flags: '-i, --stdin', summary: 'pass our input on' },
    { flags: '-t, --tty', summary: 'with a terminal' },
    namespaceOption,
    ...connectionOptions,
  ],
  examples: [
    '$ flotilla exec web-1 -- ls /srv          one command',
    '$ flotilla exec -it web-1 -- sh           a shell',
  ],
}

export const eventsWords: Words = {
  name: 'events',
  summary: 'Show what has happened, oldest first',
  options: [
    { flags: '-w, --watch', summary: 'go on as more happens' },
    { flags: '--for <type/name>', summary: 'to one object only' },
    { flags: '--types <type...>', summary: 'Normal or Warning only' },
    { flags: '-o, --output <format>', summary: 'format', choices: ['wide', 'yaml', 'json', 'name'] },
    namespaceOption,
    allNamespacesOption,
    noHeadersOption,
    ...connectionOptions,
  ],
  examples: ['$ flotilla events -A -w                   everything, everywhere', '$ flotilla events --for pod/web-1'],
}

export const rolloutStatusWords: Words = {
  name: 'status',
  arguments: '<type-and-name...>',
  summary: 'Wait until the rollout is through, telling how far it is',
  options: [timeoutOption, namespaceOption, ...connectionOptions],
  examples: ['$ flotilla rollout status deployment/web --timeout 2m'],
}

export const apiResourcesWords: Words = {
  name: 'api-resources',
  summary: 'List the kinds of objects that there are',
  options: [noHeadersOption],
}

export const versionWords: Words = {
  name: 'version',
  summary: 'Show the versions of this program and of the master',
  options: [{ flags: '--client', summary: 'this program only' }, ...connectionOptions],
}
