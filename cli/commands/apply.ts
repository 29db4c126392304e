/** `flotilla apply`: checks all documents here and at the master, and only then writes the first. */
import { locateProblems, renderProblem } from '../../contract/manifest/read-manifests.ts'
import { CodedError, hasCode, type Problem } from '../../kit/errors.ts'
import type { Written } from '../api-client.ts'
import { type Session, withSession } from '../connect.ts'
import { describeFailure } from '../failure.ts'
import type { RunCommand } from '../fleet.ts'
import { byDependence, type Manifest, readFiles } from '../manifest-files.ts'
import { type Options, readOptions } from '../options.ts'
import { isMachineFormat, renderObjects } from '../output.ts'
import { targetOf } from '../resource-args.ts'
import { kindSlashName } from '../tables/tables.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { watchRollout } from '../watch-rollout.ts'

interface Apply {
  session: Session
  terminal: Terminal
  options: Options
  /** Undefined: as long as it takes. */
  timeoutMs: number | undefined
}

export const runApply: RunCommand = async (input, fleet) => {
  const { terminal } = fleet
  const options = readOptions(input)
  const files = options.list('filename')
  if (files.length === 0) throw new UsageError('must specify -f FILE')
  // Read before anything is done: a slip in it must not be told when all has been applied.
  const timeoutMs = options.duration('timeout') || undefined
  const read = await readFiles(files, { recursive: options.flag('recursive'), terminal })
  if (!read) return 1
  const manifests = byDependence(read)
  if (options.text('dryRun') === 'client') {
    await tellChecked(manifests, options.text('output'), terminal)
    return 0
  }
  return withSession(input, fleet, async session => {
    const apply: Apply = { session, terminal, options, timeoutMs }
    const checked = await checkAll(apply, manifests)
    if (checked === undefined) return 1
    if (options.text('dryRun') === 'server') {
      await tell(apply, manifests, checked)
      return 0
    }
    return applyAll(apply, manifests)
  })
}

/** A dry run of everything: bad input in the last document must not find the first one applied. */
async function checkAll(apply: Apply, manifests: Manifest[]): Promise<Written[] | undefined> {
  const pendingNamespaces = manifests
    .filter(({ kind }) => kind.kind === 'Namespace')
    .map(({ source }) => source.object.metadata.name)
  const checked: Written[] = []
  const problems: Problem[] = []
  for (const manifest of manifests) {
    try {
      const written = await send(apply, manifest, { dryRun: true, pendingNamespaces })
      checked.push(written)
      for (const warning of warningsOf(manifest, written)) apply.terminal.warn(`Warning: ${renderProblem(warning)}\n`)
    } catch (error) {
      if (!(error instanceof CodedError) || hasCode(error, 'Timeout', 'ServiceUnavailable')) throw error
      problems.push(...problemsOf(manifest, error))
    }
  }
  if (problems.length === 0) return checked
  apply.terminal.warn(problems.map(problem => `error: ${renderProblem(problem)}\n`).join(''))
  return undefined
}

async function applyAll(apply: Apply, manifests: Manifest[]): Promise<number> {
  const { terminal, options } = apply
  const written: Written[] = []
  for (const manifest of manifests) {
    try {
      written.push(await send(apply, manifest, {}))
    } catch (error) {
      // Checked a moment ago: someone else was at work, or the master went away. What is done is told.
      await tell(apply, manifests, written)
      terminal.warn(`${manifest.source.file}:${manifest.source.line}: ${describeFailure(error)}\n`)
      return 1
    }
  }
  await tell(apply, manifests, written)
  if (!options.flag('wait')) return 0
  return waitForRollouts(apply, manifests)
}

async function waitForRollouts({ terminal, session, timeoutMs }: Apply, manifests: Manifest[]): Promise<number> {
  let status = 0
  for (const { kind, source } of manifests) {
    if (kind.kind !== 'Deployment') continue
    const { namespace = session.namespace, name } = source.object.metadata
    status = Math.max(status, await watchRollout({ api: session.api, terminal, namespace, name, timeoutMs }))
  }
  return status
}

function send(
  { session }: Apply,
  { kind, source }: Manifest,
  options: { dryRun?: boolean; pendingNamespaces?: string[] },
): Promise<Written> {
  const { object } = source
  const target = targetOf(kind, object.metadata.namespace ?? session.namespace, object.metadata.name)
  return session.api.apply(target, object, options)
}

/** As they were written: without the master nobody knows more. */
async function tellChecked(manifests: Manifest[], format: string | undefined, terminal: Terminal): Promise<void> {
  if (isMachineFormat(format)) {
    const objects = manifests.map(({ source }) => source.object)
    return terminal.print(await renderObjects(objects, format, objects.length === 1))
  }
  for (const { kind, source } of manifests)
    terminal.print(`${kindSlashName(kind, source.object.metadata.name)} checked (dry run)\n`)
}

/** `written` are the answers for the first of `manifests`. */
async function tell(apply: Apply, manifests: Manifest[], written: Written[]): Promise<void> {
  const format = apply.options.text('output')
  const suffix = apply.options.text('dryRun') === 'server' ? ' (server dry run)' : ''
  if (isMachineFormat(format)) {
    const objects = written.map(({ object }) => object)
    apply.terminal.print(await renderObjects(objects, format, objects.length === 1))
    return
  }
  for (const [index, { outcome }] of written.entries()) {
    const manifest = manifests[index]
    if (!manifest) continue
    const { kind, source } = manifest
    apply.terminal.print(`${kindSlashName(kind, source.object.metadata.name)} ${outcome ?? 'configured'}${suffix}\n`)
  }
}

/** A warning about a field begins with its path. */
function warningsOf({ source }: Manifest, { warnings }: Written): Problem[] {
  return warnings.flatMap(warning => {
    const [, path = '', message = warning] = /^(\S+): (.*)$/s.exec(warning) ?? []
    return locateProblems(source, [{ path, message }])
  })
}

function problemsOf({ source }: Manifest, error: CodedError): Problem[] {
  const { problems, message } = error
  return locateProblems(source, problems.length > 0 ? problems : [{ path: '', message }])
}
