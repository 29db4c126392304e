/** `flotilla token|node|user|auth|secrets|broker|config`: the commands about who belongs to a cluster. */
import type { Command } from '../kit/command-line.ts'
import { canIWords, whoamiWords } from './auth-words.ts'
import {
  configCurrentContextWords,
  configGetContextsWords,
  configImportWords,
  configUseContextWords,
  configViewWords,
} from './config-words.ts'
import type { Attach } from './fleet.ts'
import {
  brokerRenderWords,
  brokerStatusWords,
  nodeRevokeWords,
  secretsRotateWords,
  tokenCreateWords,
  tokenListWords,
  tokenRevokeWords,
  userCreateWords,
  userListWords,
  userRevokeWords,
  userTokenWords,
} from './trust-words.ts'

export function createTrustCommands(run: Attach): Command[] {
  return [
    {
      name: 'token',
      summary: 'Let boards join',
      commands: [
        { ...tokenCreateWords, ...run(async () => (await import('./commands/token.ts')).runTokenCreate) },
        { ...tokenListWords, ...run(async () => (await import('./commands/token.ts')).runTokenList) },
        { ...tokenRevokeWords, ...run(async () => (await import('./commands/token.ts')).runTokenRevoke) },
      ],
    },
    {
      name: 'node',
      summary: 'Cut boards off',
      commands: [{ ...nodeRevokeWords, ...run(async () => (await import('./commands/node.ts')).runNodeRevoke) }],
    },
    {
      name: 'user',
      summary: 'Let people and tools in, and shut them out',
      commands: [
        { ...userCreateWords, ...run(async () => (await import('./commands/user.ts')).runUserCreate) },
        { ...userTokenWords, ...run(async () => (await import('./commands/user.ts')).runUserToken) },
        { ...userListWords, ...run(async () => (await import('./commands/user.ts')).runUserList) },
        { ...userRevokeWords, ...run(async () => (await import('./commands/user.ts')).runUserRevoke) },
      ],
    },
    {
      name: 'auth',
      summary: 'What we may do, and who we are',
      commands: [
        { ...canIWords, ...run(async () => (await import('./commands/auth.ts')).runCanI) },
        { ...whoamiWords, ...run(async () => (await import('./commands/auth.ts')).runWhoami) },
      ],
    },
    {
      name: 'secrets',
      summary: 'The key that secrets are encrypted with in the store',
      commands: [
        { ...secretsRotateWords, ...run(async () => (await import('./commands/secrets.ts')).runSecretsRotate) },
      ],
    },
    {
      name: 'broker',
      summary: 'What the broker refuses, and how to use another one by the same rules',
      commands: [
        { ...brokerStatusWords, ...run(async () => (await import('./commands/broker-status.ts')).runBrokerStatus) },
        { ...brokerRenderWords, ...run(async () => (await import('./commands/broker.ts')).runBrokerRender) },
      ],
    },
  ]
}

export function createConfigCommand(run: Attach): Command {
  return {
    name: 'config',
    summary: 'The clusters that we may command',
    commands: [
      { ...configGetContextsWords, ...run(async () => (await import('./commands/config.ts')).runGetContexts) },
      { ...configCurrentContextWords, ...run(async () => (await import('./commands/config.ts')).runCurrentContext) },
      { ...configUseContextWords, ...run(async () => (await import('./commands/config.ts')).runUseContext) },
      { ...configViewWords, ...run(async () => (await import('./commands/config.ts')).runViewConfig) },
      { ...configImportWords, ...run(async () => (await import('./commands/config.ts')).runImportConfig) },
    ],
  }
}
