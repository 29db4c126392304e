/** The words of the commands about who belongs to the cluster: boards, people, their keys and tokens. */
import type { Option } from '../kit/command-line.ts'
import { connectionOptions, namespaceOption, noHeadersOption, type Words } from './words.ts'

const yesOption: Option = { flags: '-y, --yes', summary: 'without asking' }

export const tokenCreateWords: Words = {
  name: 'create',
  summary: 'Make a token by which a board joins, and print the line to paste there',
  options: [
    { flags: '--ttl <span>', summary: 'how long it is good for, such as 30m or 7d', default: '1h' },
    { flags: '--node <name>', summary: 'only for the board of this name, which may be one that comes back' },
    { flags: '--uses <count>', summary: 'how many boards may join by it', default: '1' },
    { flags: '-o, --output <format>', summary: 'more than the line', choices: ['json'] },
    ...connectionOptions,
  ],
  examples: [
    '$ flotilla token create                       for one board, within an hour',
    '$ flotilla token create --node board-2        for a board that was flashed anew',
    '$ flotilla token create --uses 20 --ttl 2h    for a whole batch',
  ],
}

export const tokenListWords: Words = {
  name: 'list',
  summary: 'Show the tokens by which boards join',
  options: [
    { flags: '-o, --output <format>', summary: 'format', choices: ['wide', 'yaml', 'json', 'name'] },
    noHeadersOption,
    ...connectionOptions,
  ],
}

export const tokenRevokeWords: Words = {
  name: 'revoke',
  arguments: '<ids...>',
  summary: 'End tokens: no board joins by them any more. Boards that have joined stay',
  options: connectionOptions,
  examples: ['$ flotilla token revoke 4f2k9x'],
}

export const nodeRevokeWords: Words = {
  name: 'revoke',
  arguments: '<name>',
  summary: 'Cut a board off at once and for good: lost, stolen or given away',
  options: [yesOption, ...connectionOptions],
  examples: ['$ flotilla node revoke board-3'],
}

export const userCreateWords: Words = {
  name: 'create',
  arguments: '<name>',
  summary: 'Let a person or a tool in, and write the configuration for it',
  options: [
    { flags: '--role <name>', summary: 'what it may do: view, edit, admin, cluster-admin, or another ClusterRole' },
    namespaceOption,
    { flags: '-A, --all-namespaces', summary: 'the role holds in all namespaces' },
    { flags: '--group <name>', summary: 'a group that it belongs to; may be repeated', repeats: true },
    { flags: '--tool', summary: 'a program that only hears which boards are there, such as a home automation' },
    { flags: '--out <file>', summary: 'where to write (default: NAME.flotilla.yaml; for a tool, the folder NAME)' },
    { flags: '--force', summary: 'write over what is there' },
    ...connectionOptions,
  ],
  examples: [
    '$ flotilla user create alice --role edit -n shop     she may change what is in shop',
    '$ flotilla user create bob --role view -A            he may look at all of all namespaces but secrets',
    '$ flotilla config import alice.flotilla.yaml         on her machine',
  ],
}

export const userTokenWords: Words = {
  name: 'token',
  arguments: '<name>',
  summary: 'Print a bearer token of a user, for scripts ($FLOTILLA_TOKEN)',
  options: [
    { flags: '--ttl <span>', summary: 'how long it is good for, 10m or more (default: 30d)' },
    ...connectionOptions,
  ],
  examples: ['$ FLOTILLA_TOKEN=$(flotilla user token ci --ttl 8h) make deploy'],
}

export const userRevokeWords: Words = {
  name: 'revoke',
  arguments: '<name>',
  summary: 'Shut a user out at once: its certificates and tokens are worth nothing',
  options: [yesOption, ...connectionOptions],
  examples: ['$ flotilla user revoke alice'],
}

export const userListWords: Words = {
  name: 'list',
  summary: 'Show the users and tools',
  options: tokenListWords.options ?? [],
}

export const secretsRotateWords: Words = {
  name: 'rotate',
  summary: 'Encrypt all secrets in the store with a new key, and forget the old one',
  options: connectionOptions,
}

export const brokerStatusWords: Words = {
  name: 'status',
  summary: 'Show whom the broker let in and what it refused since the master started',
  options: [{ flags: '-o, --output <format>', summary: 'format', choices: ['json', 'yaml'] }, ...connectionOptions],
  examples: ['$ flotilla broker status        and flotilla events, which tell of whom'],
}

export const brokerRenderWords: Words = {
  name: 'render',
  arguments: '<broker>',
  summary: 'Write the configuration by which another broker keeps the same rules: mosquitto',
  options: [
    { flags: '--out <dir>', summary: 'a folder for the files (default: print them)' },
    { flags: '--host <address>', summary: 'where it listens (default: everywhere)' },
    { flags: '--port <port>', summary: 'for those with a certificate (default: 8883)' },
    { flags: '--join-port <port>', summary: 'for boards that join (default: 8884)' },
    { flags: '--crl <file>', summary: "the list of revoked certificates, from the master's data" },
    ...connectionOptions,
  ],
  examples: ['$ flotilla broker render mosquitto --out /etc/mosquitto/flotilla'],
}
