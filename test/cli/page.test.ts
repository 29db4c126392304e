import test from 'ava'
import { describeAny } from '../../cli/describe/generic.ts'
import { renderPage } from '../../cli/describe/page.ts'

test('labels stand above each other, sections are indented, and what is absent is left out', t => {
  const lines = renderPage([
    ['Name', 'web'],
    ['Labels', ['app=web', 'tier=db']],
    ['Message', undefined],
    ['Taints', []],
    [
      'Containers',
      [
        [
          'web',
          [
            ['Image', 'web:1'],
            ['Ready', 'true'],
          ],
        ],
      ],
    ],
    [
      'Events',
      {
        rows: [
          ['Type', 'Reason'],
          ['Normal', 'Pulled'],
        ],
      },
    ],
  ])
  t.deepEqual(lines, [
    'Name:    web',
    'Labels:  app=web',
    '         tier=db',
    'Taints:  <none>',
    'Containers:',
    '  web:',
    '    Image:  web:1',
    '    Ready:  true',
    'Events:',
    '  Type     Reason',
    '  Normal   Pulled',
  ])
})

test('values cannot speak to the terminal', t => {
  t.deepEqual(renderPage([['Message', 'a\u001b[2Jb']]), ['Message:  a\ufffd[2Jb'])
})

test('a text of several lines keeps its indentation: it may be YAML', t => {
  const data = { 'app.yaml': 'server:\r\n  hosts:\n\n  - a\tb\n' }
  const page = renderPage(describeAny({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data }))
  t.deepEqual(page.slice(page.indexOf('data:') + 1), [
    '  app.yaml:  server:',
    '               hosts:',
    '',
    '               - a    b',
  ])
})
