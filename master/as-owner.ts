/** Runs a piece of work of root's in the name of somebody else, so that what it makes is his, and nothing is touched that he may not. */

export interface Owner {
  uid: number
  gid: number
}

/** Does nothing of the kind when this process is not root's, or the owner is root. */
export async function asOwner<T>(owner: Owner | undefined, run: () => Promise<T>): Promise<T> {
  if (owner === undefined || owner.uid === 0 || process.geteuid?.() !== 0) return run()
  const groups = process.getgroups?.() ?? []
  process.setgroups?.([owner.gid])
  process.setegid?.(owner.gid)
  process.seteuid?.(owner.uid)
  try {
    return await run()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
    process.setgroups?.(groups)
  }
}
