/** Tells what kind of file an image is by its first bytes, because names lie. */

export type ImageFormat = 'raw' | 'xz' | 'gzip' | 'zstd' | 'zip'
