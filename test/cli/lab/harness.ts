/** A lab for tests: the real commands as processes, in a folder that goes away, and a look at whether anything is left. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ExecutionContext } from 'ava'
import { readHierarchies } from '../../../cli/lab/cgroups.ts'
import { checkMachine } from '../../../cli/lab/facts.ts'
import { labLayout } from '../../../cli/lab/layout.ts'
import { listMounts } from '../../../cli/lab/mounts.ts'
import { type Ran, tryRun } from '../../../cli/lab/run.ts'
import { buildImages } from '../../../images/build.ts'
import { sleep, systemClock } from '../../../kit/clock.ts'
import { messageOf } from '../../../kit/errors.ts'

const labTimeoutMs = 120_000

/** False, with the reason logged, where no lab can be; on CI that is a failure instead. */
export async function canUseLab(t: ExecutionContext): Promise<boolean> {
  try {
    await checkMachine()
    return true
  } catch (error) {
    if (process.env['CI']) throw error
    t.log(`skipped: ${messageOf(error)}`)
    t.pass()
    return false
  }
}

/** The program's folder as `build.sh` leaves it, with the stand-in for the program. */
export class Workshop {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'flotilla-lab-')))
  readonly program = join(this.folder, 'flotilla')
  readonly images = join(this.folder, 'images')
  #labs: string[] = []

  async prepare(): Promise<void> {
    // The master runs it as nobody in particular.
    chmodSync(this.folder, 0o755)
    const script = resolve(import.meta.dirname, 'stand-in.ts')
    const launcher = `#!/bin/sh\nexport FLOTILLA_PROGRAM=${this.program}\nexec ${process.execPath} ${script} "$@"\n`
    writeFileSync(this.program, launcher, { mode: 0o755 })
    await buildImages(this.images)
  }

  /** A folder for a lab, called `name`; `remove` takes the lab down. */
  lab(name: string): TestLab {
    const dir = join(this.folder, name)
    this.#labs.push(dir)
    return new TestLab(this.program, dir)
  }

  async remove(): Promise<void> {
    for (const dir of this.#labs) await new TestLab(this.program, dir).run('down')
    await rm(this.folder, { recursive: true, force: true })
  }
}

export class TestLab {
  readonly dir: string
  #program: string

  constructor(program: string, dir: string) {
    this.dir = dir
    this.#program = program
  }

  /** `flotilla lab --dir DIR …` */
  run(...words: string[]): Promise<Ran> {
    return tryRun([this.#program, 'lab', '--dir', this.dir, ...words], { timeoutMs: labTimeoutMs })
  }

  /** Starts it and leaves it to the caller. */
  spawn(...words: string[]): ChildProcess {
    return spawn(this.#program, ['lab', '--dir', this.dir, ...words], { stdio: 'ignore' })
  }

  /** Runs it and expects success. Resolves to stdout. */
  async must(t: ExecutionContext, ...words: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(...words)
    t.is(status, 0, `lab ${words.join(' ')}: ${stderr}`)
    return stdout
  }

  sh(t: ExecutionContext, machine: string, script: string): Promise<string> {
    return this.must(t, 'exec', machine, '--', 'sh', '-c', script)
  }

  /** What the lab has on this machine beside its own folder: processes, mounts, cgroups, files. */
  traces(): string[] {
    const { cgroup, runDir, dir } = labLayout(this.dir)
    const groups = readHierarchies().flatMap(({ mountPoint }) => globSync(`${mountPoint}/**/${cgroup}`))
    const files = [runDir, dir].filter(existsSync)
    return [...processesWith(dir), ...listMounts(runDir), ...listMounts(dir), ...groups, ...files]
  }
}

/** Polls until `probe` is true; fails the test when that takes longer than a generous deadline. */
export async function eventually(t: ExecutionContext, what: string, probe: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonic() + 20_000
  while (!(await probe())) {
    if (systemClock.monotonic() > deadline) return t.fail(`never: ${what}`)
    await sleep(systemClock, 100)
  }
  t.pass()
}

/** Of all processes, the words joined by blanks. */
export function commandLines(): string[] {
  return globSync('/proc/[0-9]*').map(folder => readProcess(folder, 'cmdline').split('\0').join(' ').trimEnd())
}

/** Processes that have `text` in their command line or environment. */
function processesWith(text: string): string[] {
  const others = globSync('/proc/[0-9]*').filter(folder => folder !== `/proc/${process.pid}`)
  return others.filter(folder => ['cmdline', 'environ'].some(name => readProcess(folder, name).includes(text)))
}

function readProcess(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8')
  } catch {
    // It ended while we looked.
    return ''
  }
}
