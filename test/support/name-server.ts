/** A program for tests: answers HTTP and UDP with its own name and the address that it was asked from. `name-server.ts NAME PORT` */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'

const [name, port] = process.argv.slice(2)

const http = createServer((request, response) => {
  response.setHeader('connection', 'close')
  response.end(`${name} ${request.socket.remoteAddress}`)
})
const udp = createSocket('udp4')
udp.on('message', (_message, from) => udp.send(`${name} ${from.address}`, from.port, from.address))

http.listen({ port: Number(port), host: '0.0.0.0' }, () => {
  udp.bind(Number(port), '0.0.0.0', () => console.log('ready'))
})
