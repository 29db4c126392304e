/** `flotilla master init`: what was made, where it is, and what to do next. */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import type { Command, Input, Option } from '../kit/command-line.ts'
import type { FoundationOptions } from './foundation.ts'
import { type Caller, type InitReport, initCluster } from './init-cluster.ts'

/** `options`: those of `flotilla master` that say where its data is and how it is found. */
export function initCommand(options: Option[], readOptions: (input: Input) => FoundationOptions): Command {
  return {
    name: 'init',
    summary: "Make the cluster's keys and give you the way in; may be run again",
    options: [
      ...options,
      {
        flags: '--restore-admin',
        summary: 'let the user admin in again, who was revoked or deleted; stop the master first',
      },
    ],
    examples: ['$ sudo flotilla master init', '$ flotilla master init --cluster garden --data ./garden'],
    async run(input) {
      const restore = input.options['restoreAdmin'] === true
      const report = await initCluster(readOptions(input), await findCaller(process.env), { restore })
      process.stdout.write(describeInit(report))
      return 0
    },
  }
}

export function describeInit({
  isNew,
  pkiDirectory,
  caFingerprint,
  configPath,
  contextName,
  isChanged,
}: InitReport): string {
  return [
    isNew ? `The cluster's keys are made: ${pkiDirectory}` : `The cluster's keys were there already: ${pkiDirectory}`,
    `  Keep a copy of that folder in a safe place: with it comes all trust in the cluster.`,
    `  CA fingerprint: sha256:${caFingerprint}`,
    isChanged
      ? `You are its administrator: context ${contextName} in ${configPath}`
      : `Your way in stands: context ${contextName} in ${configPath}`,
    '',
    'Next:',
    '  flotilla master           run the master, if it does not run yet',
    '  flotilla token create     a line to paste on each board that is to join',
    '  flotilla user create NAME a way in for somebody else',
    '',
  ].join('\n')
}

/** Whoever sits in front of it, also behind `sudo`. */
export async function findCaller(env: NodeJS.ProcessEnv): Promise<Caller> {
  const configPath = env['FLOTILLA_CONFIG'] || undefined
  const [uid, gid] = [Number(env['SUDO_UID']), Number(env['SUDO_GID'])]
  const isBehindSudo = process.geteuid?.() === 0 && Number.isInteger(uid) && Number.isInteger(gid) && uid > 0
  if (!isBehindSudo) return { homeDirectory: homedir(), owner: undefined, configPath }
  // passwd(5): name, password, uid, gid, comment, home, shell.
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map(line => line.split(':'))
  const home = lines.find(fields => fields[2] === String(uid))?.[5]
  return home
    ? { homeDirectory: home, owner: { uid, gid }, configPath }
    : { homeDirectory: homedir(), owner: undefined, configPath }
}
