/** A root shell on a board of the harness, by the key that was flashed onto its card: to measure, and to find out what went wrong. */
import { tryRun } from '../../cli/lab/run.ts'

interface Door {
  ports: { ssh: number }
  /** Path of the private key. */
  sshKey: string
}

const timeoutMs = 60_000

/** Resolves to what the script printed; undefined when the board lets nobody in, or the script fails. */
export async function onBoard({ ports, sshKey }: Door, script: string): Promise<string | undefined> {
  // The key of a board's host is made at its first start: there is nobody else on this loopback port.
  const trust = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'BatchMode=yes',
    'ConnectTimeout=20',
  ]
  const way = ['-p', String(ports.ssh), '-i', sshKey, ...trust.flatMap(option => ['-o', option])]
  const quoted = `'${script.replaceAll("'", "'\\''")}'`
  try {
    const { status, stdout } = await tryRun(['ssh', ...way, 'admin@127.0.0.1', `sudo sh -c ${quoted}`], { timeoutMs })
    return status === 0 ? stdout : undefined
  } catch {
    // Not in time: the board is not up, or ever so slow. Who asks decides what that means.
    return undefined
  }
}
