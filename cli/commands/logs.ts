/** `flotilla logs`: what containers have printed, and go on printing with `-f`. */
import type { Pod } from '../../contract/resources/pod.ts'
import type { LogOptions } from '../../contract/wire/api.ts'
import { readBytesFrame } from '../../kit/bus/stream.ts'
import { type Session, withSession } from '../connect.ts'
import type { RunCommand } from '../fleet.ts'
import { LinePrefixer } from '../line-prefixer.ts'
import { type Options, readOptions } from '../options.ts'
import { pickPod, podsBySelector } from '../pick-pod.ts'
import { kindNamed, targetOf } from '../resource-args.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Source {
  pod: Pod
  container: string
}

/** So many logs are followed at once; kubectl's `--max-log-requests` has 5. */
const maxFollowed = 20
/** With a selector, so many lines of each, as kubectl. */
const selectorTail = 10
const defaultContainerAnnotation = 'kubectl.kubernetes.io/default-container'

export const runLogs: RunCommand = async (input, fleet) => {
  const options = readOptions(input)
  const selector = options.text('selector')
  if (input.arguments.length > 0 === (selector !== undefined))
    throw new UsageError('name a pod (or TYPE/NAME), or select pods with -l')
  const request = logOptionsOf(options)
  return withSession(input, fleet, async session => {
    const pods =
      selector === undefined ? [await pickPod(session, input.arguments)] : await podsBySelector(session, selector)
    if (pods.length === 0) fleet.terminal.warn(`No resources found in ${session.namespace} namespace.\n`)
    const sources = pods.flatMap(pod => sourcesOf(pod, options, fleet.terminal))
    const follow = request.follow ?? false
    if (follow && sources.length > maxFollowed)
      throw new UsageError(`you are attempting to follow ${sources.length} logs, but at most ${maxFollowed} can be`)
    const print = { session, terminal: fleet.terminal, request, prefix: options.flag('prefix') }
    if (follow) await Promise.all(sources.map(source => printLog(source, print)))
    else for (const source of sources) await printLog(source, print)
    return 0
  })
}

function logOptionsOf(options: Options): LogOptions {
  const tail = options.text('tail') === '-1' ? undefined : options.number('tail')
  const tailLines = tail ?? (options.text('selector') ? selectorTail : undefined)
  const sinceMs = options.duration('since')
  return {
    ...(options.flag('follow') && { follow: true }),
    ...(options.flag('previous') && { previous: true }),
    ...(options.flag('timestamps') && { timestamps: true }),
    ...(tailLines !== undefined && { tailLines }),
    ...(sinceMs !== undefined && sinceMs > 0 && { sinceSeconds: Math.ceil(sinceMs / 1000) }),
  }
}

function sourcesOf(pod: Pod, options: Options, terminal: Terminal): Source[] {
  const names = pod.spec.containers.map(container => container.name)
  if (options.flag('allContainers')) return names.map(container => ({ pod, container }))
  const asked = options.text('container')
  const container = asked ?? pod.metadata.annotations?.[defaultContainerAnnotation] ?? names[0] ?? ''
  if (asked === undefined && names.length > 1)
    terminal.warn(`Defaulted container "${container}" out of: ${names.join(', ')}\n`)
  return [{ pod, container }]
}

interface Print {
  session: Session
  terminal: Terminal
  request: LogOptions
  prefix: boolean
}

async function printLog({ pod, container }: Source, { session, terminal, request, prefix }: Print): Promise<void> {
  const { namespace, name } = pod.metadata
  const stream = await session.api.logs(targetOf(kindNamed('pods'), namespace, name), { ...request, container })
  const lines = new LinePrefixer(prefix ? `[pod/${name}/${container}] ` : '')
  try {
    for await (const frame of stream.frames) {
      const bytes = readBytesFrame(frame)
      if (bytes) await terminal.write('stdout', lines.take(bytes.data))
    }
    await terminal.write('stdout', lines.rest())
  } finally {
    await stream.end()
  }
}
