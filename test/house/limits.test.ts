/** The sizes that keep files readable. Function length, parameters, cycles and `any` are Biome's to check (biome.json). */
import test from 'ava'
import { listFiles, readFiles, readSources } from './source.ts'

const sources = readSources()
const lines = (text: string): number => text.trimEnd().split('\n').length

test('a source file has at most 300 lines', t => {
  const long = sources.filter(({ text }) => lines(text) > 300).map(({ path, text }) => `${path}: ${lines(text)}`)
  t.deepEqual(long, [], 'a file is one idea: find the second one and give it its own')
})

test('a test file has at most 400 lines', t => {
  const tests = readFiles(listFiles().filter(path => path.startsWith('test/') && path.endsWith('.ts')))
  const long = tests.filter(({ text }) => lines(text) > 400).map(({ path, text }) => `${path}: ${lines(text)}`)
  t.deepEqual(long, [])
})

test('a source file begins with a sentence that says what it is for', t => {
  const silent = sources.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text)).map(({ path }) => path)
  t.deepEqual(silent, [])
})

test('no module holds state of its own', t => {
  const stateful = sources.filter(({ text }) => /^(export )?let /m.test(text)).map(({ path }) => path)
  t.deepEqual(stateful, [], 'state lives in an object that somebody made and somebody stops')
})

test('tests weigh about as much as what they test', t => {
  const count = (files: Array<{ text: string }>): number => files.reduce((sum, { text }) => sum + lines(text), 0)
  const tests = readFiles(listFiles().filter(path => path.startsWith('test/') && path.endsWith('.ts')))
  const ratio = count(tests) / count(sources)
  t.log(`test to source: ${ratio.toFixed(2)}`)
  t.true(ratio > 0.6, `test to source is ${ratio.toFixed(2)}`)
})
