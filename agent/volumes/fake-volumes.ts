/** Volumes that are only noted: the fake that ships with the port. */
import type { Container } from '../../contract/resources/pod.ts'
import type { PodWish } from '../../contract/wire/fleet.ts'
import { planMounts } from './plan-volumes.ts'
import type { VolumeMountPoint, Volumes } from './volumes.ts'

export class FakeVolumes implements Volumes {
  /** Uids of the pods that have some. */
  readonly made = new Set<string>()
  /** Uids, each time. */
  readonly renewed: string[] = []
  /** While it is there, nothing can be made. */
  failure: Error | undefined

  async make({ metadata }: PodWish): Promise<void> {
    if (this.failure) throw this.failure
    this.made.add(metadata.uid ?? '')
  }

  async renew({ metadata }: PodWish): Promise<void> {
    this.renewed.push(metadata.uid ?? '')
  }

  async mountsOf(pod: PodWish, container: Container): Promise<VolumeMountPoint[]> {
    return planMounts(pod, container).map(({ name, mountPath, readOnly = false }) => ({
      ...{ hostPath: `/volumes/${pod.metadata.uid}/${name}`, containerPath: mountPath, readOnly },
    }))
  }

  async remove(uid: string): Promise<void> {
    this.made.delete(uid)
  }

  async list(): Promise<string[]> {
    return [...this.made]
  }
}
