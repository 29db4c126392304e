/**
 * A program for tests: asks `tcp|udp ADDRESS PORT` COUNT times, each time from a new port, and prints the answers as a JSON
 * array; what failed is there as its error code. With `udp-flow` it asks from one port only, slowly, until another one answers.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const [kind = '', address = '', port = '', count = '1'] = process.argv.slice(2)
const patienceMs = 3000

async function askHttp(): Promise<string> {
  const signal = AbortSignal.timeout(patienceMs)
  const request = get({ host: address, port: Number(port), agent: false, signal })
  const [response] = await once(request, 'response')
  return Buffer.concat(await response.toArray()).toString()
}

/** A connected socket, so that the kernel hands a refusal back. */
async function openUdp(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.connect(Number(port), address)
  await once(socket, 'connect')
  return socket
}

async function askUdp(socket: Socket): Promise<string> {
  const answered = once(socket, 'message', { signal: AbortSignal.timeout(patienceMs) })
  socket.send('who are you?')
  return String((await answered)[0])
}

async function askOnce(flow: Socket | undefined): Promise<string> {
  const socket = flow ?? (kind === 'udp' ? await openUdp() : undefined)
  try {
    return await (socket ? askUdp(socket) : askHttp())
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ABORT_ERR'
      ? 'timeout'
      : String((error as NodeJS.ErrnoException).code)
  } finally {
    if (socket && socket !== flow) socket.close()
  }
}

const flow = kind === 'udp-flow' ? await openUdp() : undefined
const answers: string[] = []
while (answers.length < Number(count) && !(flow && new Set(answers).size > 1)) {
  answers.push(await askOnce(flow))
  if (flow) await sleep(50)
}
flow?.close()
console.log(JSON.stringify(answers))
