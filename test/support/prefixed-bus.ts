/** A bus below a prefix, for tests that speak of `a/b` to a broker whose table knows only the cluster's own topics. */
import type { Message, PublishOptions, Unsubscribe, Will } from '../../kit/bus/bus.ts'
import type { MqttBus } from '../../kit/bus/mqtt-bus.ts'

export function busBelow(prefix: string, bus: MqttBus): MqttBus {
  const prefixed: Pick<MqttBus, 'publish' | 'subscribe'> = {
    publish(topic: string, payload: string | Uint8Array, options?: PublishOptions): Promise<void> {
      return bus.publish(topicBelow(prefix, topic), payload, options)
    },
    subscribe(filter: string, handler: (message: Message) => void): Promise<Unsubscribe> {
      const strip = (message: Message): void => handler({ ...message, topic: message.topic.slice(prefix.length) })
      return bus.subscribe(topicBelow(prefix, filter), strip)
    },
  }
  return new Proxy(bus, {
    get(target, key) {
      if (key === 'publish' || key === 'subscribe') return prefixed[key]
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

export function willBelow(prefix: string, will: Will): Will {
  return { ...will, topic: topicBelow(prefix, will.topic) }
}

/** What is no topic of anybody's stays as it is, so that it is refused as such. */
function topicBelow(prefix: string, topic: string): string {
  return topic === '' || topic.startsWith('$') ? topic : `${prefix}${topic}`
}
