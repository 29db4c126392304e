import test from 'ava'
import { LinePrefixer } from '../../cli/line-prefixer.ts'

const feed = (prefixer: LinePrefixer, ...parts: string[]): string =>
  parts.map(part => prefixer.take(Buffer.from(part)).toString()).join('') + prefixer.rest().toString()

test('each line gets the prefix, wherever the pieces were cut', t => {
  t.is(feed(new LinePrefixer('[a] '), 'one\ntw', 'o\nth', 'ree\n'), '[a] one\n[a] two\n[a] three\n')
})

test('a last line without an end gets one', t => {
  t.is(feed(new LinePrefixer('[a] '), 'one\ntwo'), '[a] one\n[a] two\n')
})

test('without a prefix the bytes pass as they are', t => {
  t.is(feed(new LinePrefixer(''), 'one\ntw', 'o'), 'one\ntwo')
})

test('a line that never ends is not held for ever', t => {
  const prefixer = new LinePrefixer('> ')
  t.true(prefixer.take(Buffer.alloc(300 * 1024, 'x')).length > 300 * 1024)
})
