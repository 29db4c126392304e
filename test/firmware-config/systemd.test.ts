import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { masterCommand } from '../../master/command.ts'

const execute = promisify(execFile)
const folder = resolve(import.meta.dirname, '../../firmware-config/common/package/usr/lib/systemd/system')

/** What `systemd-analyze security` may say at most, of 10: the documents name these figures. */
const exposures = { 'flotilla-master.service': 1.5, 'flotilla-agent.service': 3.5 }

for (const [unit, limit] of Object.entries(exposures)) {
  test(`${unit} exposes no more than it says`, async t => {
    const level = await exposureOf(unit)
    t.log(`${unit}: ${level}`)
    t.true(level > 0 && level <= limit, `exposure ${level} is above ${limit}: what was taken away before is back`)
  })
}

test('a unit without its sandbox would be noticed', async t => {
  // The same words for a service with nothing around it.
  const { stdout } = await execute('systemd-analyze', [
    'security',
    '--offline=true',
    resolve(import.meta.dirname, 'bare.service'),
  ])
  t.true(readExposure(stdout) > 9)
})

test('the master has no capability, and the agent none to mount or to trace', t => {
  t.is(settingOf('flotilla-master.service', 'CapabilityBoundingSet'), '')
  t.not(settingOf('flotilla-master.service', 'User'), 'root')
  const kept = settingOf('flotilla-agent.service', 'CapabilityBoundingSet').split(' ')
  t.true(kept.includes('CAP_NET_ADMIN'))
  for (const capability of ['CAP_SYS_ADMIN', 'CAP_SYS_PTRACE', 'CAP_SYS_MODULE', 'CAP_NET_RAW', 'CAP_SETUID'])
    t.false(kept.includes(capability), capability)
})

test("the master's socket is in a folder that its unit makes, and the agent's unit makes another", t => {
  const socket = masterCommand.options?.find(({ flags }) => flags.startsWith('--socket '))?.default
  const runtime = settingOf('flotilla-master.service', 'RuntimeDirectory')
  t.is(dirname(String(socket)), `/run/${runtime}`)
  t.not(settingOf('flotilla-agent.service', 'RuntimeDirectory'), runtime, 'one of them is root, the other is not')
})

async function exposureOf(unit: string): Promise<number> {
  const { stdout } = await execute('systemd-analyze', ['security', '--offline=true', `${folder}/${unit}`])
  return readExposure(stdout)
}

function readExposure(text: string): number {
  return Number(/exposure level for \S+: ([\d.]+)/.exec(text)?.[1])
}

function settingOf(unit: string, name: string): string {
  const line = readFileSync(`${folder}/${unit}`, 'utf8')
    .split('\n')
    .find(candidate => candidate.startsWith(`${name}=`))
  return line?.slice(name.length + 1) ?? 'missing'
}
