/** The words of `flotilla create`, which are kubectl's. */
import type { Option } from '../kit/command-line.ts'
import { connectionOptions, namespaceOption, type Words } from './words.ts'

const writeOptions: Option[] = [
  { flags: '--dry-run <mode>', summary: 'check only', choices: ['none', 'client', 'server'], default: 'none' },
  { flags: '-o, --output <format>', summary: 'print the object', choices: ['json', 'yaml', 'name'] },
  ...connectionOptions,
]
const sourceOptions: Option[] = [
  {
    flags: '--from-literal <key=value>',
    summary: 'one entry; others on this machine see it in the list of processes',
    repeats: true,
  },
  {
    flags: '--from-file <[key=]file>',
    summary: 'an entry from a file, - for stdin; all files of a folder',
    repeats: true,
  },
  { flags: '--from-env-file <file>', summary: 'an entry for each line KEY=value', repeats: true },
]
const verbOption: Option = { flags: '--verb <verbs>', summary: 'what may be done, such as get,list', repeats: true }
const resourceOption: Option = {
  flags: '--resource <types>',
  summary: 'on what, such as pods,deployments.apps,pods/log',
  repeats: true,
}
const resourceNameOption: Option = { flags: '--resource-name <name>', summary: 'on these only', repeats: true }
const subjectOptions: Option[] = [
  { flags: '--user <name>', summary: 'for a user', repeats: true },
  { flags: '--group <name>', summary: 'for a group', repeats: true },
  { flags: '--serviceaccount <namespace:name>', summary: 'for a service account', repeats: true },
]

export const createSecretGenericWords: Words = {
  name: 'generic',
  arguments: '<name>',
  summary: 'A secret from files, stdin or literals',
  options: [
    ...sourceOptions,
    { flags: '--type <type>', summary: 'its type (default: Opaque)' },
    namespaceOption,
    ...writeOptions,
  ],
  examples: [
    '$ flotilla create secret generic db --from-file=password=./password.txt',
    '$ pass show db | flotilla create secret generic db --from-file=password=-',
    "$ flotilla create secret generic db --from-literal=user=shop    seen in the shell's history: not for passwords",
  ],
}

export const createSecretTlsWords: Words = {
  name: 'tls',
  arguments: '<name>',
  summary: 'A secret with a certificate and its key',
  options: [
    { flags: '--cert <file>', summary: 'certificate, PEM' },
    { flags: '--key <file>', summary: 'its private key, PEM' },
    namespaceOption,
    ...writeOptions,
  ],
  examples: ['$ flotilla create secret tls web --cert=web.crt --key=web.key'],
}

export const createConfigMapWords: Words = {
  name: 'configmap',
  aliases: ['cm'],
  arguments: '<name>',
  summary: 'A config map from files, stdin or literals',
  options: [...sourceOptions, namespaceOption, ...writeOptions],
  examples: ['$ flotilla create configmap web --from-file=./nginx.conf --from-literal=LEVEL=debug'],
}

export const createNamespaceWords: Words = {
  name: 'namespace',
  aliases: ['ns'],
  arguments: '<name>',
  summary: 'A namespace',
  options: writeOptions,
}

export const createServiceAccountWords: Words = {
  name: 'serviceaccount',
  aliases: ['sa'],
  arguments: '<name>',
  summary: 'An account for the programs in pods',
  options: [namespaceOption, ...writeOptions],
}

export const createTokenWords: Words = {
  name: 'token',
  arguments: '<serviceaccount>',
  summary: 'Print a bearer token of a service account',
  options: [
    { flags: '--duration <span>', summary: 'how long it is good for, 10m or more (default: one hour)' },
    namespaceOption,
    ...connectionOptions,
  ],
  examples: ['$ flotilla create token deployer -n shop --duration 10m'],
}

export const createRoleWords: Words = {
  name: 'role',
  arguments: '<name>',
  summary: 'A role: what may be done in one namespace',
  options: [verbOption, resourceOption, resourceNameOption, namespaceOption, ...writeOptions],
  examples: ['$ flotilla create role reader --verb=get,list,watch --resource=pods,pods/log -n shop'],
}

export const createClusterRoleWords: Words = {
  name: 'clusterrole',
  arguments: '<name>',
  summary: 'A role for all namespaces, and for what belongs to none',
  options: [
    verbOption,
    resourceOption,
    resourceNameOption,
    { flags: '--aggregation-rule <labels>', summary: 'gather the rules of the roles with these labels' },
    ...writeOptions,
  ],
  examples: ['$ flotilla create clusterrole node-reader --verb=get,list --resource=nodes'],
}

export const createRoleBindingWords: Words = {
  name: 'rolebinding',
  arguments: '<name>',
  summary: 'Give a role to users, groups or service accounts, in one namespace',
  options: [
    { flags: '--role <name>', summary: 'a role of the namespace' },
    { flags: '--clusterrole <name>', summary: 'a role of the cluster' },
    ...subjectOptions,
    namespaceOption,
    ...writeOptions,
  ],
  examples: ['$ flotilla create rolebinding shop-edit --clusterrole=edit --user=alice -n shop'],
}

export const createClusterRoleBindingWords: Words = {
  name: 'clusterrolebinding',
  arguments: '<name>',
  summary: 'Give a role to users, groups or service accounts, everywhere',
  options: [{ flags: '--clusterrole <name>', summary: 'the role' }, ...subjectOptions, ...writeOptions],
  examples: ['$ flotilla create clusterrolebinding ops --clusterrole=cluster-admin --group=ops'],
}
