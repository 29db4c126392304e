import { readFileSync } from 'node:fs'
import test from 'ava'
import { parseLaunchFlags } from '../../../images/program/launch-flags.ts'
import { folderAssets } from '../../../kit/assets.ts'

const launcher = readFileSync('cli/launcher.sh', 'utf8')

test('the packed program has the flags of the launcher', t => {
  const { agent, master } = parseLaunchFlags(launcher)
  t.true(agent?.includes('--jitless'))
  t.false(master?.includes('--jitless'))
  for (const flags of [agent, master]) t.true(flags?.includes('--max-semi-space-size=1'))
})

test('the agent’s unit begins with the flags that the agent would take by itself', t => {
  const assets = folderAssets('.')
  const name = assets.list('firmware-config').find(path => path.endsWith('/flotilla-agent.service'))
  const unit = Buffer.from(assets.read(name!)).toString()
  const [, flags] = unit.match(/^Environment="NODE_OPTIONS=([^"]*)" MALLOC_ARENA_MAX=1$/m) ?? []
  t.deepEqual(flags?.split(' '), parseLaunchFlags(launcher)['agent'])
})

test('a launcher without flags is refused', t => {
  t.throws(() => parseLaunchFlags('#!/bin/sh\n'), { message: /has no line such as agent_flags/ })
})
