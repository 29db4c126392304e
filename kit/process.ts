/** The life of this process: waiting for the signal that ends it. */

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process as if nobody listened. */
export function untilSignalled(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
}
