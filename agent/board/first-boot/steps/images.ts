/** Puts the container images that every pod needs into containerd, so that the first pod starts without the Internet. */
import { importImages } from '../../import-images.ts'
import type { Step } from '../context.ts'

export const imagesStep: Step = {
  name: 'images',
  title: 'importing container images',
  async run({ disk, run }) {
    // Whoever comes here did not see the end of it before.
    await importImages({ disk, run, anew: true })
  },
}
