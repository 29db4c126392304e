/** `flotilla create …`, as far as kubectl's has something to do with who may do what. */
import type { Command } from '../kit/command-line.ts'
import {
  createClusterRoleBindingWords,
  createClusterRoleWords,
  createConfigMapWords,
  createNamespaceWords,
  createRoleBindingWords,
  createRoleWords,
  createSecretGenericWords,
  createSecretTlsWords,
  createServiceAccountWords,
  createTokenWords,
} from './create-words.ts'
import type { Attach, Fleet, RunCommand } from './fleet.ts'
import { createMissingCreations } from './kubectl-words.ts'
import { UsageError } from './usage-error.ts'

export function createCreateCommand(run: Attach, fleet: Fleet | undefined): Command {
  type Access = typeof import('./commands/create-access.ts')
  type Data = typeof import('./commands/create-data.ts')
  const access = (pick: (from: Access) => RunCommand): Pick<Command, 'run'> =>
    run(async () => pick(await import('./commands/create-access.ts')))
  const data = (pick: (from: Data) => RunCommand): Pick<Command, 'run'> =>
    run(async () => pick(await import('./commands/create-data.ts')))
  return {
    name: 'create',
    summary: 'Create an object from words: secrets, accounts, roles and their bindings',
    takesUnknownOptions: true,
    arguments: '[what...]',
    commands: [
      {
        name: 'secret',
        summary: 'A secret',
        commands: [
          { ...createSecretGenericWords, ...data(from => from.runCreateSecret) },
          { ...createSecretTlsWords, ...data(from => from.runCreateTlsSecret) },
        ],
      },
      { ...createConfigMapWords, ...data(from => from.runCreateConfigMap) },
      { ...createServiceAccountWords, ...access(from => from.runCreateServiceAccount) },
      { ...createTokenWords, ...run(async () => (await import('./commands/create-token.ts')).runCreateToken) },
      { ...createRoleWords, ...access(from => from.runCreateRole) },
      { ...createRoleBindingWords, ...access(from => from.runCreateRoleBinding) },
      { ...createClusterRoleWords, ...access(from => from.runCreateClusterRole) },
      { ...createClusterRoleBindingWords, ...access(from => from.runCreateClusterRoleBinding) },
      { ...createNamespaceWords, ...access(from => from.runCreateNamespace) },
      ...createMissingCreations(fleet),
    ],
    ...run(async () => refuse),
  }
}

/** `create -f FILE`, or a word that is none of the above. */
const refuse: RunCommand = async () => {
  throw new UsageError(
    'name what to create (see "flotilla create --help"); a manifest is applied: flotilla apply -f FILE',
  )
}
