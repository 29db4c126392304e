#!/bin/sh
# Makes a board of a stock system: installs Flotilla's package from this folder of the boot partition, and starts the first start of the
# board. Goes on where it was stopped, by a power cut as well, and does nothing where it has been.
#
#   install.sh --enable   has systemd run the rest, at each start until it is done
#   install.sh --start    the same, beginning now
#   install.sh            the rest
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
package=$folder/flotilla.deb
status=$folder/status.txt
# Tests have another root.
root=${FLOTILLA_ROOT:-}
unit=/etc/systemd/system/flotilla-install.service
# How long to wait for a network and for the time, each; then apt is tried all the same, and says what is missing.
wait_seconds=${FLOTILLA_WAIT_SECONDS:-120}

main() {
  # Flotilla has been here: its first start does the rest, and needs neither the package nor this script any more.
  if [ ! -e "$package" ]; then
    clean_up
    exit 0
  fi
  case "${1:-}" in
    --enable) enable_unit ;;
    --start)
      enable_unit
      # Not waiting: this very start of the system may be what it waits for.
      systemctl start --no-block flotilla-install.service
      ;;
    *) install_package ;;
  esac
}

# A unit, because cloud-init and systemd.run= start what they start once, whatever became of it.
enable_unit() {
  unblock_start
  # Before anything waits for a network.
  ! grep -qs '^wifi:' "$folder/card.yaml" || unblock_radio
  cat >"$root$unit.new" <<UNIT
[Unit]
Description=Installs Flotilla from the boot partition
RequiresMountsFor=$folder
Wants=network-online.target
After=network-online.target cloud-final.service
# It tries for as long as it takes: the network may come tomorrow.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/bin/sh $folder/install.sh
Restart=on-failure
RestartSec=30
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
UNIT
  # Whole or not at all, also after a power cut.
  sync "$root$unit.new"
  mv "$root$unit.new" "$root$unit"
  systemctl daemon-reload
  systemctl enable flotilla-install.service
}

# Raspberry Pi OS asks for a user on the screen, and does not start to the end before somebody answers. Its own tool says "no more".
unblock_start() {
  if systemctl is-enabled --quiet userconfig.service 2>/dev/null; then
    systemctl disable userconfig.service
    systemctl enable getty@tty1.service
    # If it asks already. At the first start of all nothing runs yet that could be stopped.
    systemctl stop --no-block userconfig.service || true
  fi
}

# Raspberry Pi OS keeps the radio off until somebody says where the board is, which the command line does now. systemd-rfkill and
# NetworkManager put it back at each start, each from a file of its own.
# https://github.com/RPi-Distro/pi-gen/blob/master/stage2/02-net-tweaks/01-run.sh
unblock_radio() {
  for radio in "$root"/var/lib/systemd/rfkill/*:wlan; do
    [ ! -e "$radio" ] || printf '0\n' >"$radio"
  done
  state=$root/var/lib/NetworkManager/NetworkManager.state
  [ ! -e "$state" ] || sed -i 's/^WirelessEnabled=false$/WirelessEnabled=true/' "$state"
  rfkill unblock wifi || true
  # Where it runs already, as at the first start with cloud-init.
  nmcli radio wifi on 2>/dev/null || true
}

install_package() {
  # What a power cut at the end of firstrun.sh left: it is done, and the key of the wifi was in there.
  forget "$folder/firstrun" "$folder/firstrun.sh"
  wait_until "waiting for a network" has_network
  # apt refuses lists that were signed in the future, and a board starts in the past.
  wait_until "waiting for the time" has_time
  say "installing Flotilla"
  export DEBIAN_FRONTEND=noninteractive
  # What a power cut left half done.
  dpkg --configure -a || fail 'dpkg cannot finish what was begun before: journalctl -u flotilla-install says why'
  # Not the end: what is needed may be here already, and one source of several that is down keeps no board waiting.
  lists=
  apt-get update --error-on=any || lists=', and the lists of packages could not be fetched: is there a way to the internet?'
  # Files in /etc that somebody changed stay as they are.
  apt-get install --yes --no-install-recommends -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 "$package" ||
    fail "apt has failed (journalctl -u flotilla-install says how)$lists"
  sync
  say "installed"
  find_card
  # Last: without it there is nothing to do any more.
  forget "$package"
  clean_up
  systemctl start --no-block flotilla-first-boot.service
}

# The first start looks for the card where Raspberry Pi OS mounts it. Debian's cloud images mount it elsewhere.
find_card() {
  [ -e "$root/boot/firmware" ] && return 0
  mkdir -p "$root/boot"
  ln -s "${folder%/flotilla}" "$root/boot/firmware"
}

clean_up() {
  [ -e "$root$unit" ] || return 0
  systemctl disable flotilla-install.service || true
  rm -f "$root$unit"
}

# A card that cannot be written to any more is no reason to install for ever.
forget() {
  rm -rf "$@" || printf 'flotilla: cannot delete %s\n' "$*"
}

has_network() {
  [ -n "$(ip route show default)" ] || [ -n "$(ip -6 route show default)" ]
}

has_time() {
  [ "$(timedatectl show --property=NTPSynchronized --value)" = yes ]
}

# wait_until WORDS COMMAND
wait_until() {
  waited=0
  until "$2"; do
    [ "$waited" -gt 0 ] || say "$1"
    [ "$waited" -lt "$wait_seconds" ] || return 0
    sleep 2
    waited=$((waited + 2))
  done
}

fail() {
  say "cannot install Flotilla: $1"
  exit 1
}

# On the screen and the journal by systemd, and for whoever puts the card into a laptop. A FAT is written only when there is news.
say() {
  printf 'flotilla: %s\n' "$1"
  [ "$(cat "$status" 2>/dev/null || true)" = "$1" ] && return 0
  printf '%s\n' "$1" >"$status" && sync "$status" || printf 'flotilla: cannot write %s\n' "$status"
}

main "$@"
