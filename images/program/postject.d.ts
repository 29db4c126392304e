/** Types of `postject`, which has none. */
declare module 'postject' {
  export function inject(
    ...parts: [program: string, resourceName: string, resource: Buffer, options: { sentinelFuse: string }]
  ): Promise<void>
}
