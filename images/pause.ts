/** The process that holds a pod's namespaces: it sleeps until containerd kills it. */
import { busyboxFiles } from './busybox.ts'
import type { ImageSpec } from './oci-archive.ts'

/** What containerd's `sandbox_image` names. */
export const pauseImage = 'flotilla.dev/pause:1'

/** `busybox`: the program of that architecture. */
export async function pauseSpec(architecture: string, busybox?: string): Promise<ImageSpec> {
  return {
    name: pauseImage,
    architecture,
    files: await busyboxFiles(['sleep'], busybox),
    // containerd stops a sandbox with SIGKILL, so it matters to nobody that PID 1 is deaf to SIGTERM here.
    config: { entrypoint: ['/bin/sleep', 'infinity'], user: '65535:65535' },
  }
}
