/** Tells the end of the board from the end of the agent: only the first is a reason to move pods at once. */
import { execFile } from 'node:child_process'

const answerMs = 1000

/** True while systemd takes the system down. False where there is no systemd to ask: then the lease tells in time. */
export function isSystemStopping(): Promise<boolean> {
  return new Promise(resolve => {
    // It exits with 1 for every state but "running", so only what it prints counts.
    execFile('systemctl', ['is-system-running'], { timeout: answerMs }, (_error, stdout) => {
      resolve(stdout.trim() === 'stopping')
    })
  })
}
