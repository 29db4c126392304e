import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { behindSudo } from '../../../cli/flash/behind-sudo.ts'
import type { Terminal } from '../../../cli/terminal.ts'
import { createFleet } from '../harness.ts'
import { temporaryFolder } from './stock-image.ts'

async function asked(
  t: ExecutionContext,
  env: Record<string, string>,
  isRoot = true,
): Promise<{ home: string; root: string; found: () => Promise<string> }> {
  const folder = await temporaryFolder(t)
  const [root, home] = [join(folder, 'root'), join(folder, 'alice')]
  await writeFile(
    join(folder, 'passwd'),
    `root:x:0:0:root:${root}:/bin/sh\nalice:x:1000:1000:Alice,,,:${home}:/bin/sh\n`,
  )
  const { terminal } = (await createFleet(t)).start('version', '--client')
  const given: Terminal = { ...terminal, env, homeDirectory: root }
  return {
    home,
    root,
    found: async () => (await behindSudo(given, { isRoot, accounts: join(folder, 'passwd') })).homeDirectory,
  }
}

test("behind sudo the person's own clusters are meant", async t => {
  const { home, found } = await asked(t, { SUDO_UID: '1000' })
  t.is(await found(), home)
})

test('root who has clusters of its own keeps them', async t => {
  const { root, found } = await asked(t, { SUDO_UID: '1000' })
  await mkdir(join(root, '.config/flotilla'), { recursive: true })
  await writeFile(join(root, '.config/flotilla/config.yaml'), 'contexts: []\n')
  t.is(await found(), root)
})

test('without sudo, as nobody known, or when a file is named, nothing changes', async t => {
  for (const [env, isRoot] of [
    [{}, true],
    [{ SUDO_UID: '1000' }, false],
    [{ SUDO_UID: '0' }, true],
    [{ SUDO_UID: '4242' }, true],
    [{ SUDO_UID: '1000', FLOTILLA_CONFIG: '/etc/passwd' }, true],
  ] as Array<[Record<string, string>, boolean]>) {
    const { root, found } = await asked(t, env, isRoot)
    t.is(await found(), root, JSON.stringify(env))
  }
})
