#!/bin/sh
# The first start of a stock Raspberry Pi OS without cloud-init (bookworm and before): systemd runs this in place of the usual start, by
# systemd.run= in cmdline.txt. Each step may be done twice: a power cut brings all of them again. What it sets is in the folder firstrun
# beside it, a file for each thing, so that nothing of it is read as a command.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
settings=$folder/firstrun
# Tests have another root.
root=${FLOTILLA_ROOT:-}
cmdline=$(dirname "$folder")/cmdline.txt
connections=$root/etc/NetworkManager/system-connections
# A line for each time that it failed.
failures=$root/var/lib/flotilla-firstrun.failures
max_failures=3

main() {
  # What fails for good must not keep the board from starting for ever. Power cuts are no failures.
  trap '[ "$?" = 0 ] || end_failed' EXIT
  # Step by step, and none keeps the others from being done: a board with a wrong time zone is better than one that nobody reaches.
  # Not the connections: without the network the board would be lost.
  try set_hostname
  try set_timezone
  try make_admin
  set_connections
  sh "$folder/install.sh" --enable
  sync
  # Last: until here the next start begins here again.
  finish
}

try() {
  # Not "$1 || …": the shell would overlook every failure in it but the last one.
  set +e
  (
    set -e
    "$1"
  )
  status=$?
  set -e
  [ "$status" = 0 ] || printf 'flotilla: %s has failed, going on\n' "$1"
}

set_hostname() {
  name=$(cat "$settings/hostname")
  printf '%s\n' "$name" >"$root/etc/hostname"
  # sudo and others look their own name up.
  sed -i '/^127\.0\.1\.1[[:space:]]/d' "$root/etc/hosts"
  printf '127.0.1.1\t%s\n' "$name" >>"$root/etc/hosts"
}

set_timezone() {
  [ -e "$settings/timezone" ] || return 0
  zone=$(cat "$settings/timezone")
  [ -e "$root/usr/share/zoneinfo/$zone" ] || return 1
  ln -sfn "/usr/share/zoneinfo/$zone" "$root/etc/localtime"
  printf '%s\n' "$zone" >"$root/etc/timezone"
}

# As in our own image: logs in by key only, and may all. The first user of the image stays as it is, without a password.
make_admin() {
  [ -e "$settings/authorized_keys" ] || return 0
  getent passwd admin >/dev/null || useradd --create-home --shell /bin/bash --groups sudo,adm admin
  mkdir -p "$root/etc/sudoers.d" "$root/etc/ssh/sshd_config.d"
  printf 'admin ALL=(ALL:ALL) NOPASSWD: ALL\n' >"$root/etc/sudoers.d/60-flotilla"
  chmod 440 "$root/etc/sudoers.d/60-flotilla"
  home=$root$(getent passwd admin | cut -d: -f6)
  install -d -m 700 -o admin -g admin "$home/.ssh"
  install -m 600 -o admin -g admin "$settings/authorized_keys" "$home/.ssh/authorized_keys"
  printf 'PasswordAuthentication no\nKbdInteractiveAuthentication no\n' >"$root/etc/ssh/sshd_config.d/60-flotilla.conf"
  systemctl enable ssh.service
}

set_connections() {
  for file in "$settings"/*.nmconnection; do
    [ -e "$file" ] || continue
    # NetworkManager reads none that others may read: it holds the key of the wifi.
    install -D -m 600 "$file" "$connections/$(basename "$file")"
  done
}

finish() {
  remove_words
  # The key of the wifi is on the board's own disk now, and no more for whoever reads the card.
  rm -rf "$settings" "$folder/firstrun.sh" "$folder/status.txt" "$failures"
  sync
}

# From the next start on the system starts as usual.
remove_words() {
  sed 's/ *systemd\.\(run\|run_success_action\|run_failure_action\|unit\)=[^ ]*//g' "$cmdline" >"$cmdline.new"
  sync "$cmdline.new"
  mv "$cmdline.new" "$cmdline"
  # On the card before what the words name is gone: a start that does not find it would go nowhere.
  sync
}

# Another start may do better: twice it begins again, and then the stock system starts as it is. Systemd does nothing by itself then
# (systemd.run_failure_action=none), since it would start the board anew for ever when the card cannot be written to.
end_failed() {
  set +e
  if echo failed >>"$failures" && [ "$(wc -l <"$failures")" -lt "$max_failures" ]; then
    sync
    systemctl --no-block reboot && return
  fi
  # Somebody may still need it by hand: it stays, with its settings.
  printf 'cannot set this system up from the card: what failed is told by: sudo sh %s\n' "$0" | tee "$folder/status.txt"
  (
    set -e
    remove_words
  )
  systemctl --no-block start multi-user.target
}

main
