/** Gives a stock system what the board's profile asks for, where it is missing: files of our own name beside its own. */
import { putFile } from '../../disk.ts'
import type { RunProgram } from '../../run-program.ts'
import type { Step } from '../context.ts'

export const settingsStep: Step = {
  name: 'settings',
  title: "applying the board's settings",
  // They are part of our own image.
  appliesTo: ({ isOwnImage }) => !isOwnImage,
  async run({ disk, run, profile, render }) {
    const written: string[] = []
    for (const { path, content, mode } of render.boardFiles(profile)) {
      if ((await disk.read(path)) !== undefined) continue
      await putFile(disk, path, { content, mode })
      written.push(path)
    }
    await takeSettings(run, written)
  },
}

/** Tells the system to read these files now; what it cannot take yet it takes at its next start. */
export async function takeSettings(run: RunProgram, paths: string[]): Promise<void> {
  await run(['systemctl', 'daemon-reload'])
  await run(['systemctl', 'restart', '--no-block', 'systemd-modules-load.service', 'systemd-sysctl.service'])
  // Containers live on under their shims.
  if (paths.some(path => path.includes('/containerd')))
    await run(['systemctl', 'restart', '--no-block', 'containerd.service'])
}
