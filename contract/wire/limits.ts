/** How large what crosses the wire may be. Each limit refuses with a code; none truncates in silence. */

/** Largest object the API takes, bytes of JSON. etcd's own limit is 1.5 MiB; a card and a Pi want less. */
export const maxObjectBytes = 1024 * 1024
/** Largest MQTT packet that any part sends or accepts. */
export const maxPacketBytes = 4 * 1024 * 1024
/** A page of a list stops here, and goes on with `continue`. */
export const maxPageBytes = 512 * 1024
/** One chunk of a stream, and how many bytes may be under way before the reader must have said "go on". */
export const streamChunkBytes = 32 * 1024
export const streamWindowBytes = 256 * 1024
