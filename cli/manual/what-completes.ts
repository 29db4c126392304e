/** What may stand where a command takes a value: decided by the notation of the argument or option, as `--help` shows it. */
import { kinds } from '../../contract/resources/kinds.ts'
import type { ValueParts } from '../../kit/command-line.ts'
import type { Place, PlaceOption } from './places.ts'

export type Completes =
  /** Known when the completion is generated. */
  | { from: 'choices'; choices: string[] }
  | { from: 'files' }
  | { from: 'folders' }
  /** Asked of the program at that moment: `flotilla complete <what>`. */
  | { from: 'live'; what: Live }
  /** Anything that a person thinks of. */
  | { from: 'nothing' }

/** Names of objects of a kind (by its plural), or `contexts`, `containers`, `resources` (types, then names), `pods` (also TYPE/NAME). */
export type Live = string

const live = (what: Live): Completes => ({ from: 'live', what })
const files: Completes = { from: 'files' }
const folders: Completes = { from: 'folders' }
const nothing: Completes = { from: 'nothing' }

/** Words of the notation that mean the same everywhere. */
const byNotation: Record<string, Completes> = {
  'types-and-names': live('resources'),
  'type-and-name': live('resources'),
  'type/name': live('resources'),
  'pod-or-type/name': live('pods'),
  file: files,
  dir: folders,
  archive: files,
  drive: files,
  'drive-or-file': files,
  socket: files,
  broker: { from: 'choices', choices: ['mosquitto'] },
}

/** Where the notation says only `<name>`: by command and argument, or by option. */
const byArgument: Record<string, Completes> = {
  'node revoke name': live('nodes'),
  'user revoke name': live('users'),
  'user token name': live('users'),
  'token revoke ids': live('jointokens'),
  'config use-context name': live('contexts'),
  'config get-contexts names': live('contexts'),
  'create token serviceaccount': live('serviceaccounts'),
  'auth can-i verb': { from: 'choices', choices: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'] },
  'auth can-i resource': { from: 'choices', choices: kinds.map(({ plural }) => plural) },
}
const byOption: Record<string, Completes> = {
  '--namespace': live('namespaces'),
  '--context': live('contexts'),
  '--container': live('containers'),
  '--node': live('nodes'),
  '--role': live('roles'),
  '--clusterrole': live('clusterroles'),
  '--serviceaccount': live('serviceaccounts'),
  '--as': live('users'),
  '--socket': files,
  '--types': { from: 'choices', choices: ['Normal', 'Warning'] },
}
/** `user create --role` binds one of the cluster's. */
const byPlaceOption: Record<string, Completes> = { 'user create --role': live('clusterroles') }

export function completesArgument({ path }: Place, argument: ValueParts): Completes {
  const where = [...path, argument.name].join(' ')
  return byArgument[where] ?? byNotation[argument.name] ?? nothing
}

export function completesOption({ path }: Place, { option, long, value }: PlaceOption): Completes {
  if (option.choices) return { from: 'choices', choices: option.choices }
  const where = [...path, long].join(' ')
  return byPlaceOption[where] ?? byOption[long] ?? byNotation[value?.name ?? ''] ?? nothing
}
