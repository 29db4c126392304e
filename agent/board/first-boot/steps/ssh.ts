/** Lets in by ssh whom the card names, as the user admin. Without keys on the card nobody logs in, and no server runs. */
import { CodedError } from '../../../../kit/errors.ts'
import { putFile } from '../../disk.ts'
import { runOrFail } from '../../run-program.ts'
import type { Step } from '../context.ts'

const user = 'admin'

export const sshStep: Step = {
  name: 'ssh',
  title: 'letting in by ssh',
  appliesTo: ({ isOwnImage, settings }) => isOwnImage && (settings.sshKeys ?? []).length > 0,
  async run({ disk, run, settings: { sshKeys = [] } }) {
    const home = homeOf((await disk.read('/etc/passwd')) ?? '')
    const directory = `${home}/.ssh`
    await disk.makeDirectory(home, 0o755)
    await disk.makeDirectory(directory, 0o700)
    await putFile(disk, `${directory}/authorized_keys`, { content: `${sshKeys.join('\n')}\n`, mode: 0o600 })
    await runOrFail(run, ['chown', '-R', `${user}:${user}`, home])
    // Its unit makes the host's own keys when there are none, which takes a small board a while: nobody waits for that.
    await runOrFail(run, ['systemctl', 'enable', 'ssh.service'])
    await runOrFail(run, ['systemctl', 'restart', '--no-block', 'ssh.service'])
  },
}

/** passwd(5): name, password, uid, gid, comment, home, shell. */
function homeOf(passwd: string): string {
  const fields = passwd.split('\n').map(line => line.split(':'))
  const home = fields.find(([name]) => name === user)?.[5]
  if (home) return home
  throw new CodedError('NotFound', `cannot let in by ssh: because this image has no user ${user}`)
}
