import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { stripSymbols } from '../../../images/program/strip-symbols.ts'

test('a stripped Node is smaller and runs', async t => {
  const whole = readFileSync(process.execPath)
  const stripped = stripSymbols(whole)
  t.true(stripped.length < whole.length * 0.95, `${stripped.length} of ${whole.length} bytes`)
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-strip-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'node')
  writeFileSync(path, stripped, { mode: 0o755 })
  t.is(execFileSync(path, ['-p', '6*7'], { encoding: 'utf8' }).trim(), '42')
  t.true(stripSymbols(stripped).equals(stripped), 'there is nothing more to leave out')
})

test('binutils find a stripped Node whole: the same segments, libraries and symbols to link to, and nothing to complain of', t => {
  if (spawnSync('readelf', ['--version']).error) {
    t.is(process.env['CI'], undefined, 'readelf is missing')
    t.pass()
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-strip-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'node')
  writeFileSync(path, stripSymbols(readFileSync(process.execPath)))
  const readelf = (file: string, ...words: string[]) =>
    spawnSync('readelf', ['--wide', ...words, file], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  t.like(readelf(path, '--headers', '--notes', '--version-info'), { status: 0, stderr: '' })
  const loaded = ['--program-headers', '--dynamic', '--dyn-syms']
  t.is(readelf(path, ...loaded).stdout, readelf(process.execPath, ...loaded).stdout)
})

/** As little of an ELF file as our reading needs: sections by name, loaded or not. */
function elf(wordBytes: 4 | 8, sections: Array<{ loaded: boolean; bytes: string }>): Buffer {
  const is64 = wordBytes === 8
  const size = is64 ? 64 : 40
  const body = Buffer.concat([Buffer.alloc(64), ...sections.map(({ bytes }) => Buffer.from(bytes))])
  const headers = [Buffer.alloc(size)]
  const put = (to: Buffer, at: number, value: number): void => {
    if (is64) to.writeBigUInt64LE(BigInt(value), at)
    else to.writeUInt32LE(value, at)
  }
  let offset = 64
  for (const { loaded, bytes } of sections) {
    const header = Buffer.alloc(size)
    put(header, 8, loaded ? 2 : 0)
    put(header, is64 ? 24 : 16, offset)
    put(header, is64 ? 32 : 20, bytes.length)
    headers.push(header)
    offset += bytes.length
  }
  body.writeUInt32BE(0x7f454c46, 0)
  body[4] = is64 ? 2 : 1
  put(body, is64 ? 0x28 : 0x20, body.length)
  body.writeUInt16LE(headers.length, is64 ? 0x3c : 0x30)
  body.writeUInt16LE(headers.length - 1, is64 ? 0x3e : 0x32)
  return Buffer.concat([body, ...headers])
}

for (const wordBytes of [4, 8] as const) {
  test(`what is loaded stays as it is, and the names of the sections, with words of ${wordBytes} bytes`, t => {
    const text = { loaded: true, bytes: 'code and data' }
    const names = { loaded: false, bytes: '.names' }
    const stripped = stripSymbols(elf(wordBytes, [text, { loaded: false, bytes: 'symbols'.repeat(100) }, names]))
    t.true(stripped.subarray(64).toString('latin1').startsWith('code and data.names'))
    t.false(stripped.includes('symbols'))
    t.is(stripped.readUInt16LE(wordBytes === 8 ? 0x3c : 0x30), 3, 'nothing, the code, the names')
  })

  test(`a file in an unusual order is left alone, with words of ${wordBytes} bytes`, t => {
    const sections = [
      { loaded: false, bytes: 'symbols' },
      { loaded: true, bytes: 'code' },
    ]
    t.throws(() => stripSymbols(elf(wordBytes, sections)), { message: /unusual order/ })
  })
}

test('what is no program is refused', t => {
  t.throws(() => stripSymbols(Buffer.from('#!/bin/sh\n')), { message: /no ELF file/ })
})
