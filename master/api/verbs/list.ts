/** list: objects of a kind in pages, which end at a number of objects or of bytes. */
import { apiVersionOf, type Kind } from '../../../contract/resources/kinds.ts'
import type { AnyObject, ObjectList } from '../../../contract/resources/meta.ts'
import { maxPageBytes } from '../../../contract/wire/limits.ts'
import { kindPrefix } from '../../store/keys.ts'
import { objectFromEntry } from '../../store/objects.ts'
import { createMatcher, type Matcher } from '../matcher.ts'
import { badRequest } from '../refusals.ts'
import type { Answer, RequestOf, Room } from '../room.ts'
import { type Place, placeOf } from '../target.ts'

/** How many objects are read from the store at a time. */
const batchSize = 200

export async function runList(room: Room, request: RequestOf<'list'>): Promise<Answer> {
  const place = placeOf(request.target)
  const matches = createMatcher(request)
  if (place.kind.virtual) return { list: listVirtual(room, place.kind, matches) }
  const limit = readLimit(request.limit)
  return { list: await listPage(room, place, { matches, limit, token: request.continue }) }
}

function listVirtual(room: Room, kind: Kind, matches: Matcher | undefined): ObjectList {
  const all = room.nodeUsage.all() as unknown as AnyObject[]
  return listOf(kind, matches ? all.filter(matches) : all, { resourceVersion: String(room.store.revision) })
}

interface PageOptions {
  matches: Matcher | undefined
  limit: number
  token: string | undefined
}

async function listPage(room: Pick<Room, 'store'>, place: Place, options: PageOptions): Promise<ObjectList> {
  const { matches, limit, token } = options
  const start = token === undefined ? undefined : readToken(token)
  const items: AnyObject[] = []
  let bytes = 0
  let after = start?.after
  let revision = start?.revision
  for (;;) {
    const page = await room.store.list(kindPrefix(place.kind, place.namespace), {
      limit: batchSize,
      ...(after !== undefined && { after }),
    })
    // All pages carry the first one's revision: a watch from there misses nothing that a later page did not show.
    revision ??= page.revision
    for (const entry of page.entries) {
      const object = objectFromEntry<AnyObject>({ value: entry.value as AnyObject, revision: entry.revision })
      if (!matches || matches(object)) {
        const size = Buffer.byteLength(JSON.stringify(object))
        const full = items.length >= limit || (items.length > 0 && bytes + size > maxPageBytes)
        if (full)
          return listOf(place.kind, items, {
            resourceVersion: String(revision),
            continue: writeToken({ after: after ?? '', revision }),
          })
        items.push(object)
        bytes += size
      }
      after = entry.key
    }
    if (page.next === undefined) return listOf(place.kind, items, { resourceVersion: String(revision) })
    after = page.next
  }
}

function listOf(kind: Kind, items: AnyObject[], metadata: ObjectList['metadata']): ObjectList {
  return { apiVersion: apiVersionOf(kind), kind: `${kind.kind}List`, metadata, items }
}

function readLimit(limit: number | undefined): number {
  if (limit === undefined || limit === 0) return Infinity
  if (!Number.isInteger(limit) || limit < 0) throw badRequest(`limit must be a whole number: ${JSON.stringify(limit)}`)
  return limit
}

interface Token {
  after: string
  revision: number
}

function writeToken(token: Token): string {
  return Buffer.from(JSON.stringify([token.after, token.revision])).toString('base64url')
}

function readToken(text: string): Token {
  try {
    const [after, revision] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[]
    if (typeof after === 'string' && Number.isInteger(revision)) return { after, revision: Number(revision) }
  } catch {
    // Not ours: refused below, with everything else that is not.
  }
  throw badRequest('continue key is not valid: list from the start')
}
