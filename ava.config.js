export default {
  files: ['test/**/*.test.ts'],
  extensions: ['ts'],
  timeout: '3m',
  concurrency: 2,
  // Worker threads share one table of file descriptors: at its end each closes numbers that others use by then.
  workerThreads: false,
}
