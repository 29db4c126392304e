/**
 * Lets in by ssh whom the card names, as the user admin, and nobody whom it named before it was corrected. Our image has the server
 * enabled, on the condition that there are keys: without any nobody logs in, and no server runs.
 */
import { CodedError } from '../../../../kit/errors.ts'
import { isThere, putFile, removeFile } from '../../disk.ts'
import { runOrFail } from '../../run-program.ts'
import type { BootContext, Step } from '../context.ts'

const user = 'admin'
const server = 'ssh.service'

export const sshStep: Step = {
  name: 'ssh',
  title: 'letting in by ssh whom the card names',
  appliesTo: ({ isOwnImage }) => isOwnImage,
  async run(context) {
    const home = homeOf((await context.disk.read('/etc/passwd')) ?? '')
    const { sshKeys = [] } = context.settings
    if (sshKeys.length === 0) return home === undefined ? undefined : lockOut(context, home)
    if (home !== undefined) return letIn(context, home)
    throw new CodedError('NotFound', `cannot let in by ssh: because this image has no user ${user}`)
  },
}

async function letIn({ disk, run, settings: { sshKeys = [] } }: BootContext, home: string): Promise<void> {
  await disk.makeDirectory(home, 0o755)
  await disk.makeDirectory(`${home}/.ssh`, 0o700)
  await putFile(disk, keysBelow(home), { content: `${sshKeys.join('\n')}\n`, mode: 0o600 })
  await runOrFail(run, ['chown', '-R', `${user}:${user}`, home])
  // Its unit makes the host's own keys when there are none, which takes a small board a while: nobody waits for that.
  await runOrFail(run, ['systemctl', 'restart', '--no-block', server])
}

/** The server first: if that fails, the file is still there to say that something is left to do. */
async function lockOut({ disk, run }: BootContext, home: string): Promise<void> {
  if (!(await isThere(disk, keysBelow(home)))) return
  await runOrFail(run, ['systemctl', 'stop', '--no-block', server])
  await removeFile(disk, keysBelow(home))
}

function keysBelow(home: string): string {
  return `${home}/.ssh/authorized_keys`
}

/** passwd(5): name, password, uid, gid, comment, home, shell. */
function homeOf(passwd: string): string | undefined {
  const fields = passwd.split('\n').map(line => line.split(':'))
  return fields.find(([name]) => name === user)?.[5] || undefined
}
