#!/bin/sh
# The first start of a board, really: on this machine's own programs, in namespaces of its own (network by the caller, mounts, host
# name and processes by unshare), so that nothing of this machine changes. $1: a folder with card/ (card.yaml, join); the board's disk is kept in it.
# The rest: the command.
set -eu
folder=$1
shift
mount --make-rprivate /
mkdir -p "$folder/disk"
# What was there after the "power cut" is there again. A tmpfs over it would forget.
mount -t tmpfs tmpfs /boot
mkdir -p /boot/firmware/flotilla
mount --bind "$folder/card" /boot/firmware/flotilla
mount -t tmpfs tmpfs /mnt
for place in etc var/lib; do
  name=$(echo "$place" | tr / -)
  mkdir -p "/mnt/$name/upper" "/mnt/$name/work"
  mount -t overlay -o "lowerdir=/$place,upperdir=/mnt/$name/upper,workdir=/mnt/$name/work" overlay "/$place"
done
mkdir -p "$folder/disk/flotilla" /var/lib/flotilla
mount --bind "$folder/disk/flotilla" /var/lib/flotilla
rm -f /etc/os-release
printf 'ID=debian\nVARIANT_ID="flotilla"\n' >/etc/os-release
printf 'admin:x:0:0::/var/lib/home/admin:/bin/sh\n' >>/etc/passwd
printf 'admin:x:0:\n' >>/etc/group
# Nobody's services are started here; what was asked for is written down. But for a master, when there is a script that is one.
mkdir /mnt/bin
cat >/mnt/bin/systemctl <<TEXT
#!/bin/sh
echo "systemctl \$*" >>$folder/ran
case "\$*" in
  "start --no-block flotilla-master.service") [ ! -x $folder/start-master ] || $folder/start-master >$folder/master.log 2>&1 & ;;
esac
TEXT
chmod 755 /mnt/bin/systemctl
mount --bind /mnt/bin /usr/local/sbin
status=0
"$@" || status=$?
cp /etc/hostname /etc/systemd/network/60-flotilla-wired.network "$folder/" 2>/dev/null || true
hostname >"$folder/live-hostname"
ls -l /etc/localtime >"$folder/localtime"
exit "$status"
