/** Where everything is on the disk: see decision 21. */

export const sectorBytes = 512
const mib = (1024 * 1024) / sectorBytes

/** What cards erase at once is 4 MiB or less: nothing that is written often shares such a block with the boot partition. */
export const bootStart = 4 * mib
/** Two kernels with initrds are 130 MB; the rest is for flash. */
export const bootSectors = 256 * mib
export const rootStart = bootStart + bootSectors
/** Both systems have this size for ever: what an update brings must fit where the first one was. */
export const rootSectors = 768 * mib
export const imageSectors = rootStart + rootSectors

/** Of the MBR, by which the initrd knows the disk that it was started from. */
export const diskSignature = 'f1077a11'
