/** What is mounted where, as this process sees it. */
import { readFileSync } from 'node:fs'

/** Mount points at or below `path`, in the order in which they can be unmounted. */
export function listMounts(path: string): string[] {
  return parseMountPoints(readFileSync('/proc/self/mountinfo', 'utf8'))
    .filter(point => point === path || point.startsWith(`${path}/`))
    .reverse()
}

/** In the order of mounting; one path may be there more than once. proc_pid_mountinfo(5) escapes blanks in octal. */
export function parseMountPoints(mountinfo: string): string[] {
  const points = mountinfo.split('\n').map(line => line.split(' ')[4] ?? '')
  return points
    .filter(Boolean)
    .map(point => point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
}
