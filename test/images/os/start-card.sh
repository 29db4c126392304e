# shellcheck shell=sh
# What a board's initrd does with its card, on a loop device and in mount namespaces of our own: FOLDER has `root-files`; tells what came
# of it as lines NAME VALUE. With SNAPSHOTS, each step leaves a copy of the disk as it was before: a cut of the power at that point.
set -u
folder=$1
card=$2
image=$3
loop=$4
snapshots=${5:-}

# A system for its tools, with the /var and /etc of the test, and what it says of itself.
root=$folder/root
mkdir -p "$root/usr" "$folder/top"
cp -a "$folder/root-files/." "$root/"
mkdir -p "$root/dev" "$root/proc" "$root/sys" "$root/run" "$root/boot/firmware" "$folder/top/lib"
mv "$root/os-release" "$folder/top/lib/os-release"
for name in bin sbin lib lib64; do ln -sfn usr/$name "$root/$name"; done
mount -t overlay -o "lowerdir=$folder/top:/usr" usr "$root/usr"
for name in dev proc sys; do mount -o bind /$name "$root/$name"; done
mount -t tmpfs run "$root/run"
# As the kernel does when a disk appears.
partx --add "$loop" 2>/dev/null

# shellcheck source=images/os/initrd/card.sh
. "$card"
say() { echo "said $1"; }
if [ -n "$snapshots" ]; then
  cuts=0
  cut_before() {
    cuts=$((cuts + 1))
    /bin/cp --sparse=auto "$image" "$snapshots/$(printf %02d $cuts)-$1"
  }
  in_root() { cut_before "$1"; chroot "$root" /usr/bin/env PATH=/usr/sbin:/usr/bin "$@"; }
  mount() { cut_before mount; command mount "$@"; }
  mkdir() { cut_before mkdir; command mkdir "$@"; }
  sync() { cut_before sync; command sync; cut_before synced; }
  mv() { cut_before mv; command mv "$@"; }
fi
[ -z "${TWINS:-}" ] || disks_with() { printf '/dev/one\n/dev/two\n'; }

prepare_card "$loop" "$root"
[ -z "$snapshots" ] || cut_before end
echo "problem $(cat "$root/run/flotilla-card/problem" 2>/dev/null)"
echo "var $(sed -n "s#^[^ ]* $root/var \([^ ]*\) .*#\1#p" /proc/mounts)"
echo "etc $(sed -n "s#^[^ ]* $root/etc \([^ ]*\) .*#\1#p" /proc/mounts)"
echo "machine-id $(cat "$root/etc/machine-id")"
(cd "$root/var" && find . -type f ! -path './lib/etc/*' | sort | while read -r path; do echo "file $path $(cat "$path")"; done)
[ -z "${WRITE:-}" ] || { echo "$WRITE" >"$root/var/lib/written"; echo "$WRITE" >"$root/etc/written"; }
