import test from 'ava'
import { putPackedFiles } from '../../kit/packed-files.ts'
import { ownCommand } from '../../kit/self.ts'

const self = {
  execPath: '/bin/node',
  execArgv: ['--jitless', '--a=1'],
  argv: ['/bin/node', '/x.ts', 'agent'],
} as NodeJS.Process

test.serial('a script is started again by the same Node, with the same settings', t => {
  t.deepEqual(ownCommand(self), ['/bin/node', '--jitless', '--a=1', '/x.ts'])
})

test.serial('a packed program is its own Node, and takes settings from its environment', t => {
  putPackedFiles({ names: [], read: () => undefined })
  t.deepEqual(ownCommand(self), ['/bin/node'])
})
