/** Which disk a file is on, so that flash does not write an image over itself. */

/** `8:2`, the block device below the file's folder; undefined where there is none (a network, memory). */
export async function deviceOf(path: string): Promise<string | undefined> {
  throw new Error(`not yet: ${path}`)
}
