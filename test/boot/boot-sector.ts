/** The smallest thing that boots: a disk whose first sector says a line on the serial port and writes a sector, so that QEMU itself can be tested. */

/** Where it leaves its mark, and what that is: the start of the boot sector itself. */
export const markSector = 3
export const greeting = 'flotilla lives\n'

const origin = 0x7c00
/** Of text and of the BIOS's request, behind the code. */
const greetingAt = 0x80
const requestAt = 0x60

export function bootSector(): Uint8Array {
  const sector = new Uint8Array(512)
  sector.set([
    ...[0x31, 0xc0], // xor ax, ax
    ...[0x8e, 0xd8], // mov ds, ax
    ...[0xbe, ...word(origin + greetingAt)], // mov si, greeting
    ...[0xba, ...word(0x3f8)], // mov dx, COM1
    0xac, // lodsb
    ...[0x08, 0xc0], // or al, al
    ...[0x74, 0x03], // jz over the next two
    0xee, // out dx, al
    ...[0xeb, 0xf8], // jmp lodsb
    ...[0xb8, ...word(0x4300)], // mov ax, 4300h: INT 13h, extended write
    ...[0xb2, 0x80], // mov dl, 80h: the first disk
    ...[0xbe, ...word(origin + requestAt)], // mov si, request
    ...[0xcd, 0x13], // int 13h
    0xf4, // hlt
    ...[0xeb, 0xfd], // jmp hlt
  ])
  // Size of the request, one sector, from 0:7c00h, to the mark.
  sector.set([0x10, 0, 1, 0, ...word(origin), 0, 0, markSector, 0, 0, 0, 0, 0, 0, 0], requestAt)
  sector.set(new TextEncoder().encode(greeting), greetingAt)
  sector.set([0x55, 0xaa], 510)
  return sector
}

function word(value: number): [number, number] {
  return [value & 0xff, value >> 8]
}
