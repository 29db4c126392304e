/** `flotilla complete`: prints the names that may stand at the end of a command line, for the shells. Silent whatever goes wrong. */
import { findKindByName, type Kind } from '../../contract/resources/kinds.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import type { Command, Input } from '../../kit/command-line.ts'
import { CodedError } from '../../kit/errors.ts'
import { findConfigPath } from '../config.ts'
import { readConfigFile } from '../config-file.ts'
import { type Session, withSession } from '../connect.ts'
import type { Fleet } from '../fleet.ts'
import { openMqttBusWithin } from '../open-bus.ts'
import { targetOf } from '../resource-args.ts'
import { createProcessTerminal } from '../terminal.ts'
import { type Line, readLine } from './read-line.ts'

/** A person waits at a prompt. */
const connectMs = 1500
const answerMs = 1500
/** More than fit a screen help nobody. */
const maxNames = 1000

export function createCompleteCommand(loadProgram: () => Promise<Command>, given?: Fleet): Command {
  return {
    name: 'complete',
    hidden: true,
    summary: 'Names for a shell to complete with: contexts, containers, resources, pods, or those of a kind',
    arguments: '<what>',
    async run(input) {
      const terminal = given?.terminal ?? createProcessTerminal()
      const openBus = given?.openBus ?? openMqttBusWithin(connectMs)
      try {
        const line = readLine(await loadProgram(), input.rest ?? [])
        const names = await findNames(input.arguments[0] ?? '', line, {
          terminal: { ...terminal, warn: () => undefined },
          openBus,
        })
        terminal.print(
          names
            .slice(0, maxNames)
            .map(name => `${name}\n`)
            .join(''),
        )
      } catch {
        // Whoever pressed the key is typing: what is wrong with the cluster is told by the command itself.
      }
      return 0
    },
  }
}

async function findNames(what: string, line: Line, fleet: Fleet): Promise<string[]> {
  if (what === 'contexts') return contextNames(line, fleet)
  const input: Input = { arguments: [], rest: undefined, options: line.options }
  return withSession(input, fleet, session => {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const cancel = fleet.terminal.clock.after(answerMs, () =>
      reject(new CodedError('Timeout', `cannot complete: because there was no answer in ${answerMs} ms`)),
    )
    return Promise.race([askFor(what, line, session), late]).finally(cancel)
  })
}

async function contextNames({ options }: Line, { terminal }: Fleet): Promise<string[]> {
  const config = typeof options['config'] === 'string' ? options['config'] : undefined
  const path = findConfigPath({ config, env: terminal.env, homeDirectory: terminal.homeDirectory })
  if (path === undefined) return []
  return (await readConfigFile(path)).contexts.map(({ name }) => name)
}

function askFor(what: string, line: Line, session: Session): Promise<string[]> {
  if (what === 'containers') return containerNames(line, session)
  if (what === 'resources') return resourceNames(line, session)
  if (what === 'pods' && line.current.includes('/')) return resourceNames(line, session)
  return namesOf(kindOf(what), line, session)
}

/** `pods we`, `pods,svc we`, `pod/we`: the names of the first type, those that are there already left out. */
async function resourceNames(line: Line, session: Session): Promise<string[]> {
  const [typed, slash] = [line.current.split('/')[0] ?? '', line.current.includes('/')]
  const type = slash ? typed : (line.arguments[0]?.split(',')[0] ?? '')
  const names = await namesOf(kindOf(type), line, session)
  if (slash) return names.map(name => `${typed}/${name}`)
  return names.filter(name => !line.arguments.slice(1).includes(name))
}

async function namesOf(kind: Kind, { options }: Line, { api, namespace }: Session): Promise<string[]> {
  const everywhere = options['allNamespaces'] === true
  const { items } = await api.list(targetOf(kind, everywhere ? undefined : namespace))
  return [...new Set(items.map(({ metadata }) => metadata.name))]
}

async function containerNames(line: Line, { api, namespace }: Session): Promise<string[]> {
  const name = line.arguments[0]?.replace(/^pods?\//, '') ?? ''
  const pod = (await api.get(targetOf(kindOf('pods'), namespace, name))) as unknown as Pod
  return pod.spec.containers.map(container => container.name)
}

function kindOf(word: string): Kind {
  const kind = findKindByName(word)
  if (kind) return kind
  throw new CodedError('BadRequest', `cannot complete: because there is no kind ${word}`)
}
