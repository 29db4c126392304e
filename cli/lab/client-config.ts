/** The configuration by which the CLI on this machine commands the lab: its admin's, by way of the master's socket. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkClientConfig, mergeContext } from '../../contract/wire/client-config.ts'
import { type Clock, sleep } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { readConfigFile, writeConfigFile } from '../config-file.ts'
import { type Layout, masterOf } from './layout.ts'
import { tailOf } from './tail.ts'

const deadlineMs = 30_000

/** Waits until the master has made its cluster, at its first start. What a user has added to the file stays. */
export async function writeClientConfig(layout: Layout, clock: Clock): Promise<void> {
  const [own] = (await readAdmin(layout, clock)).contexts
  if (own === undefined)
    throw new CodedError('InternalError', 'cannot read the configuration of the admin: because it is empty')
  const { servers: _servers, ...context } = own
  const before = await readConfigFile(layout.configFile).catch(() => undefined)
  const merged = mergeContext(before, { ...context, server: `mqtts+unix://${layout.masterSocket}` })
  await writeConfigFile(layout.configFile, merged.config)
}

async function readAdmin(layout: Layout, clock: Clock): Promise<ReturnType<typeof checkClientConfig>> {
  const master = masterOf(layout)
  const path = join(master.dir, 'data', 'admin.yaml')
  for (const deadline = clock.monotonic() + deadlineMs; ; ) {
    try {
      return checkClientConfig(JSON.parse(await readFile(path, 'utf8')))
    } catch (error) {
      if (clock.monotonic() > deadline) {
        const why = `its master has written no ${path} in ${deadlineMs} ms (${messageOf(error)})`
        throw new CodedError('Timeout', `cannot start the lab: because ${why}\n${await tailOf(master)}`, {
          cause: error,
        })
      }
      await sleep(clock, 100)
    }
  }
}
