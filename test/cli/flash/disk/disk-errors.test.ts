import test from 'ava'
import { diskError } from '../../../../cli/flash/disk/disk-errors.ts'
import { formatSize } from '../../../../cli/flash/disk/format-size.ts'
import { CodedError } from '../../../../kit/errors.ts'

const of = (code: string): CodedError =>
  diskError('write to', '/dev/sdb', Object.assign(new Error('what the kernel says'), { code }))

test('what the kernel says becomes what somebody with a card in the hand can do', t => {
  t.is(
    of('EIO').message,
    'cannot write to /dev/sdb: because it does not answer any more (EIO): was it pulled out, or is it broken?',
  )
  t.is(of('EACCES').message, 'cannot write to /dev/sdb: because you may not (EACCES): try sudo')
  t.is(of('ENOSPC').message, 'cannot write to /dev/sdb: because there is no more room (ENOSPC)')
  t.is(of('EBUSY').code, 'Conflict')
  t.is(of('ENOENT').code, 'NotFound')
  t.is(of('EWHATEVER').message, 'cannot write to /dev/sdb: because what the kernel says')
  t.is((of('ENODEV').cause as Error).message, 'what the kernel says')
})

test('what is said already is not said twice', t => {
  const said = new CodedError('Conflict', 'cannot do it: because')
  t.is(diskError('write to', '/dev/sdb', said), said)
})

test('sizes are those that are printed on cards', t => {
  const sizes = [0, 999, 1000, 31_914_983_424, 512e6, 2e12, 999_999_999, 99_960_000]
  t.deepEqual(sizes.map(formatSize), ['0 B', '999 B', '1.0 kB', '31.9 GB', '512 MB', '2.0 TB', '1.0 GB', '100 MB'])
})
