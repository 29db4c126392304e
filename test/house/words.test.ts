/** What the project's texts may say: no drawers for leftovers, no dead references, one version. */
import { existsSync, readFileSync } from 'node:fs'
import test from 'ava'
import { version } from '../../contract/version.ts'
import { topicsOf } from '../../contract/wire/topics.ts'
import { listFiles, readFiles, readSources } from './source.ts'

const files = listFiles()

test('no folder is a drawer', t => {
  const drawers = files.filter(
    path => /(^|\/)(lib|utils?|common|helpers|misc|shared)\//.test(path) && !path.startsWith('firmware-config/'),
  )
  t.deepEqual(drawers, [], 'name the folder after what is in it')
})

test('the documents name no file that is gone', t => {
  const documents = readFiles(files.filter(path => path.endsWith('.md') && path !== 'CHANGELOG.md'))
  const dead = documents.flatMap(({ path, text }) => {
    const named = [
      ...text.matchAll(
        /`((?:agent|master|cli|contract|kit|images|firmware-config|test|bench|docs|\.ci)\/[\w./-]*[\w/])`/g,
      ),
    ].map(match => match[1]!)
    const linked = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(match =>
      new URL(match[1]!, `file:///${path}`).pathname.slice(1),
    )
    return [...named, ...linked].filter(target => !existsSync(target)).map(target => `${path} names ${target}`)
  })
  t.deepEqual(dead, [])
})

test('the documents that a newcomer looks for are there', t => {
  for (const path of ['README.md', 'ARCHITECTURE.md', 'HACKING.md', 'CHANGELOG.md', 'LICENSE', 'docs/dependencies.md'])
    t.true(existsSync(path), path)
})

test('every dependency is explained, and no other', t => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const named = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
  const text = readFileSync('docs/dependencies.md', 'utf8')
  t.deepEqual(
    named.filter(name => !text.includes(`\`${name}\``)),
    [],
  )
  const rows = [...text.matchAll(/^\| `([^`]+)`/gm)].map(match => match[1]!)
  t.deepEqual(
    rows.filter(name => !named.includes(name)),
    [],
  )
})

test('the program and its package have one version', t => {
  t.is(version, JSON.parse(readFileSync('package.json', 'utf8')).version)
})

test('topics are built in one file', t => {
  const prefix = topicsOf('x').root.split('/')[0]
  const others = readSources().filter(
    ({ path, text }) => path !== 'contract/wire/topics.ts' && new RegExp(`[\`'"]${prefix}/v\\d`).test(text),
  )
  t.deepEqual(
    others.map(({ path }) => path),
    [],
  )
})

test('time, randomness and the end of the process are touched in one place each', t => {
  const owners: Record<string, RegExp> = {
    'kit/clock.ts': /\b(Date\.now|setTimeout|setInterval|performance\.now)\(/,
    'kit/random.ts': /\b(Math\.random|randomUUID|randomBytes)\(/,
  }
  const outside = readSources().flatMap(({ path, text }) =>
    Object.entries(owners)
      .filter(([owner, pattern]) => path !== owner && pattern.test(withoutComments(text)))
      .map(([owner]) => `${path} does what ${owner} is for`),
  )
  t.deepEqual(outside, [])
  const enders = readSources().filter(({ text }) => /process\.exit\(/.test(withoutComments(text)))
  t.deepEqual(
    enders.map(({ path }) => path),
    [],
    'set process.exitCode in flotilla.ts, so that output is flushed and parts stop',
  )
})

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\/\/.*$/gm, '')
}
