/** The words of `flotilla flash`, as `--help` shows them. */
import { connectionOptions, type Words } from './words.ts'

export const flashWords: Words = {
  name: 'flash',
  arguments: '[drive-or-file]',
  summary: 'Write a card from which a board starts and joins by itself',
  options: [
    {
      flags: '-b, --board <profile>',
      summary: 'rpi-3, rpi-4, rpi-5, rpi-zero-2w, generic-arm64, generic-amd64, qemu-virt',
    },
    {
      flags: '-H, --hostname <name>',
      summary: "the board's name, which is its node's; with --count the first: board-1",
    },
    { flags: '--count <cards>', summary: 'so many cards one after another, with names that count up', default: '1' },
    {
      flags: '--role <role>',
      summary: 'master: a new cluster begins on this board',
      choices: ['node', 'master'],
      default: 'node',
    },
    {
      flags: '--image <file>',
      summary: "our own or a stock image, .img or packed (default: our own for the board's architecture)",
    },
    { flags: '--package <file>', summary: 'on stock images: the Debian package of Flotilla to install there' },
    { flags: '--wifi <ssid>', summary: 'join this wifi; its passphrase is asked for, and never put on the card' },
    {
      flags: '--wifi-password-file <file>',
      summary: 'the passphrase from a file, - for stdin (or $FLOTILLA_WIFI_PASSWORD)',
    },
    { flags: '--wifi-country <code>', summary: 'which channels are lawful, such as DE (default: of your locale)' },
    {
      flags: '--ssh-key <file>',
      summary: 'a public key that may log in; may be repeated (default: nobody may)',
      repeats: true,
    },
    {
      flags: '--address <cidr>',
      summary: 'dhcp, or a fixed address such as 192.168.1.20/24; with --count the first',
      default: 'dhcp',
    },
    { flags: '--gateway <address>', summary: 'of a fixed address' },
    { flags: '--nameserver <address>', summary: 'of a fixed address; may be repeated', repeats: true },
    { flags: '--timezone <name>', summary: 'such as Europe/Berlin (default: UTC)' },
    { flags: '--labels <pairs>', summary: 'of the node, such as room=kitchen,disk=ssd' },
    { flags: '--ttl <span>', summary: 'how long the card may wait for its first start', default: '7d' },
    {
      flags: '--master <address>',
      summary: 'HOST:PORT that the board asks, instead of what the master says; may be repeated',
      repeats: true,
    },
    { flags: '--join-file <file>', summary: 'a line of "token create" made elsewhere: no master is asked' },
    { flags: '--replace', summary: 'the board takes the place of a living one with its name' },
    { flags: '--dry-run', summary: 'show what would be on the card, against what the image has; write nothing' },
    { flags: '--inspect <drive-or-file>', summary: 'show what a card or an image holds, secrets masked' },
    { flags: '--json', summary: 'progress and result as lines of JSON on stdout' },
    { flags: '-y, --yes', summary: 'without asking' },
    {
      flags: '--force <drive>',
      summary: "the drive's name, such as sda: write to it though it looks like the wrong one",
    },
    { flags: '--no-verify', summary: 'do not read the card back' },
    ...connectionOptions,
  ],
  examples: [
    '$ flotilla flash --board rpi-4 --hostname board-1          lists the cards that there are, and asks',
    '$ flotilla flash /dev/sdb -b rpi-zero-2w -H sensor-1 --wifi Home --ssh-key ~/.ssh/id_ed25519.pub',
    '$ flotilla flash /dev/sdb -b rpi-4 -H board-1 --count 3    board-1, board-2, board-3, one card after another',
    '$ flotilla flash /dev/sdb -b rpi-4 -H board-0 --role master   the first board of a new cluster',
    '$ flotilla flash -b rpi-5 -H board-1 --image raspios-trixie-arm64-lite.img.xz --dry-run',
    '$ flotilla flash board.img -b qemu-virt -H board-1         to a file',
    '$ flotilla flash --inspect /dev/sdb                        what is on that card?',
    '  Exit status: 0 written; 1 failed; 2 wrong use; 130 interrupted. With --inspect: 3 when it is no card of ours.',
  ],
}
