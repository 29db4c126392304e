import test from 'ava'
import { Shares } from '../../../master/api/shares.ts'

test('each has a share, all have the whole, and what is given back can be taken again', t => {
  const shares = new Shares({ of: 'shells', most: 3, mostEach: 2 })
  const first = shares.take('alice')
  shares.take('alice')
  t.throws(() => shares.take('alice'), { code: 'TooManyRequests', message: /2 shells of alice/ })
  const bob = shares.take('bob')
  t.throws(() => shares.take('carol'), { code: 'TooManyRequests', message: /3 shells are open/ })
  first()
  first()
  shares.take('carol')
  t.throws(() => shares.take('alice'), { message: /3 shells/ }, 'given back twice counts once')
  bob()
  shares.take('alice')
  t.throws(() => shares.take('alice'), { code: 'TooManyRequests' })
})
