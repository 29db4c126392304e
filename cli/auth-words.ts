/** The words of `flotilla auth`: what one may do, and who one is. */
import { allNamespacesOption, connectionOptions, namespaceOption, noHeadersOption, type Words } from './words.ts'

export const canIWords: Words = {
  name: 'can-i',
  arguments: '[verb] [resource] [name]',
  summary: 'Ask whether one may do something; exits with 1 when not',
  options: [
    { flags: '--list', summary: 'all that one may do in the namespace' },
    { flags: '--as <user>', summary: 'ask for somebody else, such as bob or system:serviceaccount:default:robot' },
    { flags: '--as-group <group>', summary: 'as a member of this group; may be repeated', repeats: true },
    { flags: '--subresource <name>', summary: 'such as log or exec' },
    { flags: '-q, --quiet', summary: 'the exit status alone' },
    namespaceOption,
    allNamespacesOption,
    noHeadersOption,
    ...connectionOptions,
  ],
  examples: [
    '$ flotilla auth can-i create deployments          here',
    '$ flotilla auth can-i get pods/log web-1 -n shop   the log of one pod',
    '$ flotilla auth can-i list secrets -A              in all namespaces',
    '$ flotilla auth can-i --list --as bob              all that bob may do',
  ],
}

export const whoamiWords: Words = {
  name: 'whoami',
  summary: 'Show whom the master takes us for, with our groups',
  options: connectionOptions,
}
