/** A watch lives long: before each frame it is asked again whether its reader may still have it. */
import type { ReviewAttributes, WatchFrame } from '../../contract/wire/api.ts'
import { errorToWire } from '../../kit/bus/wire-error.ts'
import type { Authorizer } from './authorize.ts'
import type { ApiContext } from './room.ts'

export interface Guarded {
  authorizer: Authorizer
  context: Pick<ApiContext, 'identity'>
  attributes: ReviewAttributes | undefined
}

export async function* guardFrames(
  frames: AsyncIterable<WatchFrame>,
  { authorizer, context, attributes }: Guarded,
): AsyncGenerator<WatchFrame> {
  for await (const frame of frames) {
    try {
      const permit = await authorizer.permitFor(context.identity)
      if (attributes) permit.demand(attributes)
    } catch (error) {
      yield { type: 'ERROR', error: errorToWire(error) }
      return
    }
    yield frame
  }
}
