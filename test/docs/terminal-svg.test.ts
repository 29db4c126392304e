import test from 'ava'
import { drawTerminal } from '../../docs/pictures/terminal-svg.ts'

const title = 'a terminal'
const textsOf = (svg: string): string[] =>
  [...svg.matchAll(/<text [^>]*textLength[^>]*>([^<]*)<\/text>/g)].map(match => match[1]!)
const tagOf = (svg: string, text: string): string => new RegExp(`<text [^>]*>${text}</text>`).exec(svg)?.[0] ?? ''
const numberOf = (tag: string, name: string): number => Number(new RegExp(` ${name}="([\\d.]+)"`).exec(tag)?.[1])

test('text stays text, and columns stay columns', t => {
  const svg = drawTerminal('NAME     STATUS\nboard-1  Ready\n', { title })
  t.deepEqual(textsOf(svg), ['NAME', 'STATUS', 'board-1', 'Ready'])
  t.is(numberOf(tagOf(svg, 'STATUS'), 'x'), numberOf(tagOf(svg, 'Ready'), 'x'))
  t.true(numberOf(tagOf(svg, 'Ready'), 'y') > numberOf(tagOf(svg, 'STATUS'), 'y'))
})

test('colours and weights last until they are taken back', t => {
  const svg = drawTerminal('\u001b[1;32mgood\u001b[0m plain \u001b[31mbad\u001b[39m again', { title })
  t.regex(tagOf(svg, 'good'), /fill="#a9d48a" font-weight="bold"/)
  t.notRegex(tagOf(svg, 'plain'), /fill|weight/)
  t.regex(tagOf(svg, 'bad'), /fill="#e06c75"/)
  t.notRegex(tagOf(svg, 'again'), /fill/)
})

test('what is inverse has a box behind it, blanks included', t => {
  const svg = drawTerminal('\u001b[7m ok \u001b[27m', { title })
  t.regex(svg, /<rect [^>]*fill="#d6dae1"\/><text [^>]*fill="#1b1f27"[^>]*> ok <\/text>/)
})

test('what XML would take for itself is escaped, in the title too', t => {
  const svg = drawTerminal('a <b> & "c"', { title: '<&>' })
  t.true(svg.includes('a &lt;b&gt; &amp; &quot;c&quot;'))
  t.true(svg.includes('aria-label="&lt;&amp;&gt;"'))
})

test('the picture is as large as the text', t => {
  const small = drawTerminal('x', { title })
  const large = drawTerminal(`${'x'.repeat(120)}\n\n\nx`, { title })
  t.true(numberOf(large, 'width') > numberOf(small, 'width'))
  t.is(numberOf(large, 'height') - numberOf(small, 'height'), 3 * 18)
})
