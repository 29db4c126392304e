/** `flotilla create secret generic|tls`, `create configmap`: what pods read. */
import { isUtf8 } from 'node:buffer'
import type { Fleet, RunCommand } from '../fleet.ts'
import { type Options, readOptions } from '../options.ts'
import { readEntries } from '../read-entries.ts'
import { UsageError } from '../usage-error.ts'
import { createObject } from './create-object.ts'

export const runCreateSecret: RunCommand = async (input, fleet) => {
  const options = readOptions(input)
  const entries = await readEntries(options, fleet.terminal)
  const body = { type: options.text('type') ?? 'Opaque', data: encode(entries) }
  return createObject(input, fleet, { word: 'secrets', body })
}

export const runCreateTlsSecret: RunCommand = async (input, fleet) => {
  const options = readOptions(input)
  const data = { 'tls.crt': await readPem('cert', options, fleet), 'tls.key': await readPem('key', options, fleet) }
  return createObject(input, fleet, { word: 'secrets', body: { type: 'kubernetes.io/tls', data } })
}

export const runCreateConfigMap: RunCommand = async (input, fleet) => {
  const entries = [...(await readEntries(readOptions(input), fleet.terminal))]
  const texts = entries.filter(([, value]) => isUtf8(value)).map(([key, value]) => [key, value.toString()])
  const binary = new Map(entries.filter(([, value]) => !isUtf8(value)))
  const body = { data: Object.fromEntries(texts), ...(binary.size > 0 && { binaryData: encode(binary) }) }
  return createObject(input, fleet, { word: 'configmaps', body })
}

async function readPem(name: 'cert' | 'key', options: Options, { terminal }: Fleet): Promise<string> {
  const path = options.text(name)
  if (path === undefined) throw new UsageError('--cert and --key must both be given')
  const list = (option: string): string[] => (option === 'fromFile' ? [`${name}=${path}`] : [])
  const entries = await readEntries({ ...options, list }, terminal)
  const pem = entries.get(name)
  if (!pem?.includes('-----BEGIN ')) throw new UsageError(`--${name}: ${path} is no PEM file`)
  return pem.toString('base64')
}

function encode(entries: ReadonlyMap<string, Buffer>): Record<string, string> {
  return Object.fromEntries([...entries].map(([key, value]) => [key, value.toString('base64')]))
}
