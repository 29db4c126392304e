import test from 'ava'
import { renderTable } from '../../cli/table.ts'

test('columns stand three blanks apart, and the last one has no blanks behind it', t => {
  const { lines } = renderTable([
    ['NAME', 'READY'],
    ['web-1', '1/1'],
  ])
  t.deepEqual(lines, ['NAME    READY', 'web-1   1/1'])
})

test('in a terminal the widest of the columns that may be are cut until a line fits', t => {
  const rows = [['web', 'a'.repeat(50), 'b'.repeat(40)]]
  const { lines } = renderTable(rows, { maxWidth: 40, cuttable: [1, 2] })
  t.is(lines[0]?.length, 40)
  t.regex(lines[0] ?? '', /^web {3}a+… +b+…$/)
})

test('in a pipe nothing is cut', t => {
  const { lines } = renderTable([['x'.repeat(500), 'y']])
  t.is(lines[0]?.length, 504)
})

test('a line that cannot fit stays whole: the terminal wraps it anyway', t => {
  const { lines } = renderTable([['a'.repeat(20), 'b'.repeat(20)]], { maxWidth: 30, cuttable: [1] })
  t.is(lines[0], `${'a'.repeat(20)}   ${'b'.repeat(20)}`)
})

test('columns keep the width that they had', t => {
  const first = renderTable([['a-long-name', '1']])
  t.deepEqual(renderTable([['b', '2']], { widths: first.widths }).lines, ['b             2'])
})

test('wide characters count for two', t => {
  const { lines } = renderTable([
    ['温度', 'x'],
    ['abcd', 'y'],
  ])
  t.deepEqual(lines, ['温度   x', 'abcd   y'])
})

test('a value cannot speak to the terminal, nor break the line', t => {
  const { lines } = renderTable([['a\u001b[31mred\nnext', 'b\u0007']])
  t.deepEqual(lines, ['a\ufffd[31mred next   b\ufffd'])
})

test('a name stays whole, however long it is', t => {
  const rows = [
    ['a-board-with-a-name-of-its-own', 'Debian GNU/Linux 12 (bookworm)'],
    ['board-2', 'Debian GNU/Linux 13 (trixie)'],
  ]
  const { lines } = renderTable(rows, { maxWidth: 42, cuttable: [1] })
  t.deepEqual(lines, ['a-board-with-a-name-of-its-own   Debian G…', 'board-2                          Debian G…'])
})
