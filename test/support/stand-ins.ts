/** Images that stand in for those that cannot be pulled here: each answers HTTP on the port that the real one listens on. */
import { join } from 'node:path'
import { busyboxFiles } from '../../images/busybox.ts'
import { localArchitecture, writeOciArchive } from '../../images/oci-archive.ts'

const applets = 'cat env hostname httpd ls ps sh sleep stty tty'.split(' ')

/** Writes `<folder>/<label>.tar`, whose container answers with `<label> <hostname>`. Resolves to its path. */
export async function writeStandIn(folder: string, label: string, port: number): Promise<string> {
  const path = join(folder, `${label}.tar`)
  const script = `#!/bin/sh
trap 'exit 0' TERM INT
echo "${label} $(hostname)" > /srv/index.html
echo "${label} listens on ${port}"
/bin/httpd -f -p ${port} -h /srv &
wait $!
`
  const files = [
    ...(await busyboxFiles(applets)),
    { path: 'bin/serve', mode: 0o755, content: script },
    { path: 'srv', mode: 0o777, directory: true as const },
    { path: 'tmp', mode: 0o1777, directory: true as const },
  ]
  await writeOciArchive({
    path,
    name: `stand-in.test/${label}:1`,
    architecture: localArchitecture(),
    files,
    config: { entrypoint: ['/bin/serve'] },
  })
  return path
}
