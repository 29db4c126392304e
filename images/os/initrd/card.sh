# shellcheck shell=sh
# Brings the card of an own image into order, at each start: makes the partitions that the image file lacks, mounts the data at /var,
# lays the board's own /etc over the system's, mounts the boot partition. Sourced by init, and by the tests on a loop device.
#
# Power may go at any point. What says how far it came is one byte: the type of partition 4.
#   absent  there are only the image's partitions 1 and 2
#   da      3 and 4 are there; 4 may be made anew at any time
#   83      4 holds a board's data: from now on it is never formatted, whatever is found in it
# The table is one sector, which a card writes whole or not at all.

# Less than this for the data is no board: 256 MiB in sectors.
least_data=524288
# An MBR counts in 32 bits: what lies behind 2 TiB stays unused.
last_sector=4294967295
# Access times are never read; metadata waits half a minute, what programs sync does not: a card lasts longer. ext4(5): commit, mount(8): noatime
data_options=rw,noatime,commit=30

say() { echo "<5>flotilla: $1" >/dev/kmsg; }

# The tools are those of the system on the card.
in_root() { chroot "$root" /usr/bin/env PATH=/usr/sbin:/usr/bin "$@"; }

# The node of a partition: mmcblk0 -> mmcblk0p2, sda -> sda2.
partition() {
  case $1 in
    *[0-9]) echo "$1p$2" ;;
    *) echo "$1$2" ;;
  esac
}

# The disks whose MBR has this signature, such as f1077a11.
disks_with() {
  for block in /sys/block/*; do
    name=${block##*/}
    case $name in loop* | ram* | zram* | sr* | fd* | dm-* | md*) continue ;; esac
    [ "$(read_signature "/dev/$name")" = "$1" ] && echo "/dev/$name"
  done
  return 0
}

# Four bytes at 440, the lowest first.
read_signature() {
  dd if="$1" bs=1 skip=440 count=4 2>/dev/null | od -An -tx1 | sed 's/ *\(..\) \(..\) \(..\) \(..\) */\4\3\2\1/'
}

# Where the firmware of a Raspberry Pi says it started from, the disk of that kind; else the first.
find_disk() {
  found=$(disks_with "$1")
  case $(boot_mode) in
    1) kind='/dev/mmcblk*' ;;
    4) kind='/dev/sd*' ;;
    6) kind='/dev/nvme*' ;;
    *) kind='*' ;;
  esac
  for one in $found; do
    # shellcheck disable=SC2254
    case $one in $kind) echo "$one" && return ;; esac
  done
}

# A number in the device tree since the Pi 4: https://www.raspberrypi.com/documentation/computers/configuration.html (bootloader).
boot_mode() {
  node=/proc/device-tree/chosen/bootloader/boot-mode
  [ -e $node ] && od -An -tu1 -j3 -N1 $node | tr -d ' '
  return 0
}

# prepare_card DISK ROOT: the system is mounted read-only at ROOT. Never fails: a board that starts without its data can at least say
# what is wrong. Leaves for the system: /run/flotilla-card/disk, and /run/flotilla-card/problem where there is one.
prepare_card() {
  disk=$1
  root=$2
  problem=
  # Below the root's own /run (init has bound its own there): so the root's tools see it too.
  here=$root/run/flotilla-card
  data=$here/data
  mkdir -p "$data"
  echo "$disk" >"$here/disk"
  if ! mount_card; then
    say "$problem: until that is mended, this board forgets everything when it is switched off"
    echo "$problem" >"$here/problem"
    mount -t tmpfs -o mode=755,size=50% var "$data"
    seed
  fi
  mount -o move "$data" "$root/var"
  mount_etc
  mount_boot
}

# Sets $problem and returns 1 when the card cannot be what it should.
fail() {
  problem=$1
  return 1
}

# The same where the board can do without.
refuse() {
  say "$1"
  return 1
}

mount_card() {
  # A copy of this card beside it: by mistake the one could be grown that the board was not started from.
  [ "$(disks_with "$(read_signature "$disk")" | wc -l)" -le 1 ] ||
    fail "two disks with the same image are plugged in: take out one" || return
  table=$(read_table)
  [ -n "$(field 2 size)" ] || fail "the partition table of the card cannot be read" || return
  if [ -z "$(field 3 start)$(field 4 start)" ]; then
    add_partitions || return
    table=$(read_table)
  fi
  [ "$(field 3 size)" = "$(field 2 size)" ] || fail "the card has partitions that Flotilla did not make" || return
  show_partitions || return
  device=$(partition "$disk" 4)
  type=$(field 4 type)
  case $type in
    da) make_data || return ;;
    83) mend_data ;;
    *) fail "partition 4 of the card is not Flotilla's" || return ;;
  esac
  mount -t ext4 -o $data_options "$device" "$data" || fail "the file system of this board's data cannot be mounted" || return
  seed
  [ "$type" = 83 ] || keep_data
}

# One line a partition: NUMBER START SIZE TYPE, in sectors.
read_table() {
  in_root sfdisk --dump "$disk" 2>/dev/null |
    sed -n 's/^[^ ]*[^0-9]\([0-9]\) : start= *\([0-9]*\), size= *\([0-9]*\), type= *\([0-9a-f]*\).*/\1 \2 \3 \4/p'
}

# Of partition NUMBER the field start, size or type.
field() {
  case $2 in start) column=2 ;; size) column=3 ;; *) column=4 ;; esac
  echo "$table" | sed -n "/^$1 /p" | cut -d ' ' -f $column
}

add_partitions() {
  size=$(field 2 size)
  start=$(($(field 2 start) + size))
  total=$(cat "/sys/block/${disk##*/}/size")
  [ "$total" -le $last_sector ] || total=$last_sector
  rest=$((total - start - size))
  [ $rest -ge $least_data ] ||
    fail "the card has $((total / 2048)) MiB, and needs $(((start + size + least_data) / 2048)) MiB" || return
  say "first start: using the whole card"
  # Both in one write, and nothing but that sector: no old signatures are wiped in areas that may be somebody's.
  printf 'start=%s, size=%s, type=83\nstart=%s, size=%s, type=da\n' $start "$size" $((start + size)) $rest |
    in_root sfdisk --quiet --append --no-reread --no-tell-kernel --wipe never --wipe-partitions never "$disk" ||
    fail "the partition table of the card cannot be written"
}

# The kernel read the table before it grew, and does not read it again while root is mounted: partx tells it.
show_partitions() {
  tries=0
  while [ ! -b "$(partition "$disk" 4)" ]; do
    [ $tries -lt 50 ] || fail "the kernel does not show the card's new partitions" || return
    [ $tries -gt 0 ] || in_root partx --add --nr 3:4 "$disk"
    tries=$((tries + 1))
    sleep 0.1
  done
}

# Everything in it will come from the root: until the table says 83, it can be thrown away.
make_data() {
  say "making a file system of $(($(field 4 size) / 2048)) MiB for this board's data"
  # One inode for each 32 KiB: enough for the small files of containers, and half as much to write as by default.
  in_root mkfs.ext4 -q -F -L data -m 1 -i 32768 "$device" || fail "the file system for this board's data cannot be made"
}

# Replays the journal, and mends what it can without a question; 4 and more: it could not.
mend_data() {
  in_root e2fsck -p "$device" >"$here"/fsck 2>&1
  [ $? -ge 4 ] || return 0
  say "mending the file system of this board's data"
  in_root e2fsck -y "$device" >"$here"/fsck 2>&1
  return 0
}

# What the system ships below /var, where it is missing: at the first start, and when a system of another version starts.
seed() {
  version=$(sed -n 's/^IMAGE_VERSION=//p' "$root/usr/lib/os-release")
  [ "$(cat "$data/lib/system-version" 2>/dev/null)" = "$version" ] && return
  in_root cp -a -n /var/. /run/flotilla-card/data/ || return
  sync
  echo "$version" >"$data/lib/system-version.new"
  sync
  mv "$data/lib/system-version.new" "$data/lib/system-version"
}

# The last act of the first start.
keep_data() {
  [ -e "$data/lib/system-version" ] || fail "this board's data cannot be written" || return
  sync
  in_root sfdisk --quiet --no-reread --no-tell-kernel --part-type "$disk" 4 83 || fail "the partition table of the card cannot be written"
}

# The root is read-only, and people change /etc: what differs is with the data.
mount_etc() {
  own=$root/var/lib/etc
  mkdir -p "$own/changes" "$own/work"
  mount -t overlay -o "lowerdir=$root/etc,upperdir=$own/changes,workdir=$own/work" etc "$root/etc" ||
    say "changes in /etc are not seen: the overlay cannot be mounted"
  [ -s "$root/etc/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
}

mount_boot() {
  device=$(partition "$disk" 1)
  in_root fsck.vfat -a "$device" >"$here"/fsck-boot 2>&1
  # It holds secrets until the board has joined: root's alone. To be written: the first start takes the join line off it, and tells
  # there how far it is. A FAT that was not unmounted is only marked so, and mended above.
  mount -t vfat -o rw,noatime,flush,fmask=0177,dmask=0077 "$device" "$root/boot/firmware" ||
    refuse "the boot partition of the card cannot be mounted" || return
  # For whoever takes the card to a laptop. The first start says it there too, in its own words, if it comes to that.
  told=$root/boot/firmware/flotilla/status.txt
  [ -z "$problem" ] || [ "$(cat "$told" 2>/dev/null)" = "$problem" ] || echo "$problem" >"$told"
}
