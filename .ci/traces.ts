/** What tests could leave behind on this machine: looked at before and after, because a test that leaves something makes another pass or fail. */
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Each a line for people. Of what other programs make as well, only what is called after us. */
export function traces(): string[] {
  const ours = (line: string): boolean => /flotilla/.test(line)
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter(ours)
  return [
    ...readdirSync('/').map(name => `the file or folder /${name}`),
    ...readdirSync(tmpdir())
      .filter(ours)
      .map(name => `the file or folder ${join(tmpdir(), name)}`),
    ...mounts.map(line => `the mount ${line.split(' ')[4]}`),
    ...loopFiles()
      .filter(ours)
      .map(file => `a loop device of ${file}`),
    ...readdirSync('/sys/class/net').map(name => `the network interface ${name}`),
    ...orphans()
      .filter(ours)
      .map(program => `the process ${program}`),
  ]
}

function loopFiles(): string[] {
  return readdirSync('/sys/block').flatMap(name => read(`/sys/block/${name}/loop/backing_file`))
}

/** Processes whose parents have gone, by their words: nobody stops those any more. */
function orphans(): string[] {
  const ids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return ids.flatMap(id => {
    // proc_pid_stat(5): what follows the name in brackets is the state, then the parent.
    const [stat = ''] = read(`/proc/${id}/stat`)
    const parent = stat.slice(stat.lastIndexOf(')')).split(' ')[2]
    return parent === '1' ? read(`/proc/${id}/cmdline`).map(line => `${id}: ${line.replaceAll('\0', ' ')}`) : []
  })
}

/** Nothing when it is not there, or went meanwhile. */
function read(path: string): string[] {
  try {
    return [readFileSync(path, 'utf8').trim()]
  } catch {
    return []
  }
}
