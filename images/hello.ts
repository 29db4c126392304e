/** The demo's web application: answers HTTP on 8080 with its pod's hostname. */
import { busyboxFiles } from './busybox.ts'
import type { ImageSpec } from './oci-archive.ts'

export const helloImage = 'flotilla.dev/hello:1'

/** What one wants at hand in `flotilla exec -it … -- sh`. */
const applets = 'cat env grep hostname httpd id ip ls mkdir nslookup ping ps sh sleep top vi wget'.split(' ')

/** PID 1 has no default signal handlers: without the trap, each stop would last the whole grace period. */
const entrypoint = `#!/bin/sh
trap 'kill $server; exit 0' TERM INT
hostname > /srv/index.html
/bin/httpd -f -p 8080 -h /srv &
server=$!
wait $server
`

/** `busybox`: the program of that architecture. */
export async function helloSpec(architecture: string, busybox?: string): Promise<ImageSpec> {
  return {
    name: helloImage,
    architecture,
    files: [
      ...(await busyboxFiles(applets, busybox)),
      { path: 'bin/hello', mode: 0o755, content: entrypoint },
      { path: 'srv', mode: 0o777, directory: true },
      { path: 'tmp', mode: 0o1777, directory: true },
    ],
    config: { entrypoint: ['/bin/hello'], exposedPorts: ['8080/tcp'], user: '65534:65534' },
  }
}
