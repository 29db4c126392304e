#!/usr/bin/env bash
# Everything that can be done with a clone of Flotilla, set-up included. See ./build.sh help.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

# What each job needs of Debian or Raspberry Pi OS: a program to look for, then the package that has it.
build_tools=(npm:npm busybox:busybox-static)
lab_tools=(containerd:containerd runc:runc nft:nftables ip:iproute2 nsenter:util-linux mount:mount sysctl:procps
  conntrack:conntrack /usr/lib/cni/ptp:containernetworking-plugins)
# Programs of other architectures, by emulation.
armv7_tools=(qemu-arm-static:qemu-user-static /usr/arm-linux-gnueabihf/lib/libstdc++.so.6:libstdc++6-armhf-cross
  /usr/arm-linux-gnueabihf/lib/libatomic.so.1:libatomic1-armhf-cross)
arm64_tools=(qemu-aarch64-static:qemu-user-static /usr/aarch64-linux-gnu/lib/libstdc++.so.6:libstdc++6-arm64-cross)
test_tools=(mmdebstrap:mmdebstrap readelf:binutils lintian:lintian bash:bash zsh:zsh fish:fish man:man-db groff:groff shellcheck:shellcheck
  mosquitto:mosquitto git:git openssl:openssl faketime:faketime systemd-analyze:systemd ssh-keygen:openssh-client
  setpriv:util-linux lsblk:util-linux losetup:mount sfdisk:fdisk mkfs.ext4:e2fsprogs xz:xz-utils zip:zip zstd:zstd
  mcopy:mtools mkfs.vfat:dosfstools mkfs.erofs:erofs-utils patch:patch
  "${arm64_tools[@]}" "${armv7_tools[@]}")
# What the program is packed with, signed by, and dated by.
pack_tools=(npm:npm ssh-keygen:openssh-client git:git)
# Debian's busybox of any architecture, which apt fetches and believes by this.
busybox_tools=(/usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring)
# What images are put together with; apt and dpkg are there, since this is Debian.
image_tools=(depmod:kmod systemctl:systemd mkfs.vfat:dosfstools mcopy:mtools sfdisk:fdisk mkfs.erofs:erofs-utils
  xz:xz-utils zstd:zstd "${pack_tools[@]}" "${busybox_tools[@]}")
# Machines under emulation, and what looks into their cards.
boot_tools=(qemu-system-x86_64:qemu-system-x86 qemu-system-aarch64:qemu-system-arm /usr/share/OVMF/OVMF_CODE_4M.fd:ovmf
  /usr/share/qemu-efi-aarch64/QEMU_EFI.fd:qemu-efi-aarch64 mcopy:mtools sfdisk:fdisk debugfs:e2fsprogs ssh:openssh-client
  setpriv:util-linux)

usage() {
  cat <<'TEXT'
Usage: ./build.sh [command]

  (none)         check and compile; leaves a runnable dist/flotilla
  pack [--arch x64,arm64,armv7] [--with pkg]
                 the whole program as one file for each architecture, in dist/pack; by pkg, to compare, in dist/pack-pkg
  deb [--arch amd64,arm64]
                 the Debian packages, in dist/deb; packs first what is missing or old
  images [--arch amd64,arm64] [--manifest FILE]
                 the images for boards, in dist/os, packages first; FILE: of just the packages of an earlier .manifest
  demo [--keep]  a master and three boards on this machine, an application deployed, reached, cut and healed
  test-boot [amd64|amd64-uefi|arm64|arm64-uefi|raspi3b …] [--every-cut] [--keep]
                 our images flashed, booted in QEMU, joined, serving, cut, and coming back; with times
  test           everything that CI runs; the last line says how many tests passed
  bench [name…]  the benchmarks, as a table
  nightly        what takes longer than CI may: a million inputs for every decoder that faces the wire, an image built twice and
                 compared, and boards cut at every point of their first start; it ends with what failed
  help           this text

images, demo, test, test-boot, bench and nightly need root and install missing Debian packages with apt-get.
TEXT
}

main() {
  case "${1:-build}" in
    build) build ;;
    pack) shift; pack "$@" ;;
    deb) shift; deb "$@" ;;
    images) shift; need_root images; images "$@" ;;
    demo) shift; need_root demo; build "${lab_tools[@]}"; on_node24 test/demo/demo.ts "$@" ;;
    test-boot) shift; need_root test-boot; build; boot_parts; on_node24 test/boot/test-boot.ts "$@" ;;
    test) shift; need_root test; build "${lab_tools[@]}" "${test_tools[@]}" "${boot_tools[@]}"
      case " ${*:-boot} " in *" boot "*) boot_parts ;; esac; on_node24 .ci/test.ts "$@" ;;
    bench) shift; need_root bench; build "${lab_tools[@]}" "${test_tools[@]}"; case " ${*:-board} " in *" board "*) boot_parts ;; esac; on_node24 bench/bench.ts "$@" ;;
    nightly) shift; need_root nightly; build "${image_tools[@]}"; boot_parts; nightly "$@" ;;
    help | -h | --help) usage ;;
    *) usage >&2; exit 2 ;;
  esac
}

build() {
  install_debian "${build_tools[@]}" "$@"
  install_npm
  step "checking types and style"
  npm run --silent check
  step "compiling"
  bundle
}

# The program: one directory of small modules, loaded as a command needs them, run by the Node of the lock file.
bundle() {
  # Of dist only what is made here: packages and images take long.
  rm -rf dist/lib dist/assets dist/node dist/flotilla
  mkdir -p dist/lib
  node_modules/.bin/esbuild flotilla.ts --bundle --splitting --platform=node --format=esm --target=node24 --outdir=dist/lib \
    --minify-syntax --minify-whitespace --legal-comments=none --log-level=warning \
    --external:classic-level --external:@lydell/node-pty \
    --banner:js='import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);'
  ln -s "$(command -v node)" dist/node
  install -m 755 cli/launcher.sh dist/flotilla
  on_node24 images/program/asset-files.ts dist/assets
  on_node24 images/build.ts dist/images
}

# The whole program as one file for each architecture, in dist/pack: ./build.sh pack [--arch x64,arm64,armv7] [--with pkg].
pack() {
  install_debian "${pack_tools[@]}"
  install_npm
  case " $* " in
    # An old Node has to write its own part of the program, and runs under emulation for that.
    *armv7*) install_debian "${armv7_tools[@]}" ;;
  esac
  # Of each architecture that our images are made for: a lab on a machine without a clone takes them from inside the program.
  local architecture
  for architecture in amd64 arm64; do
    case " $* " in
      *" --arch "*"${architecture/amd64/x64}"*) ;;
      *" --arch "*) continue ;;
    esac
    ensure_container_images "$architecture"
  done
  step "packing"
  on_node24 images/program/pack.ts "$@"
}

# Whether MADE is missing, or older than anything that it is made of: is_stale MADE SOURCE…. Folders count too: a file may have gone.
is_stale() {
  local made=$1
  shift
  [ ! -e "$made" ] || [ -n "$(find "$@" -newer "$made" -print -quit 2>/dev/null)" ]
}

# Our container images for one architecture, as archives that are in the program and beside it in the package.
ensure_container_images() {
  is_stale "dist/images/$1/pause.tar" images/*.ts || is_stale "dist/images/$1/hello.tar" images/*.ts || return 0
  install_debian "${busybox_tools[@]}"
  step "making the container images for $1"
  on_node24 images/build.ts "dist/images/$1" "$1"
}

# For what is made of the programs, each by Debian's name of its architecture.
ensure_pack() {
  local architecture stale=()
  for architecture in "$@"; do
    ensure_container_images "$architecture"
    if is_stale "$(program_of "$architecture")" "${program_sources[@]}" "dist/images/$architecture"; then
      stale+=("${architecture/amd64/x64}")
    fi
  done
  [ ${#stale[@]} -eq 0 ] || pack --arch "$(IFS=,; echo "${stale[*]}")"
}
program_sources=(agent cli contract firmware-config images/*.ts images/program kit master ./*.ts package-lock.json)
program_of() { echo "dist/pack/flotilla-linux-${1/amd64/x64}"; }

# The Debian packages, in dist/deb: ./build.sh deb [--arch amd64,arm64] [--level 0-9, of xz].
deb() {
  local architectures=amd64,arm64 level=3 each
  while [ $# -gt 0 ]; do
    case "$1" in
      --arch) architectures=$2; shift 2 ;;
      --level) level=$2; shift 2 ;;
      *) usage >&2; exit 2 ;;
    esac
  done
  install_debian "${pack_tools[@]}"
  install_npm
  IFS=, read -ra each <<<"$architectures"
  ensure_pack "${each[@]}"
  step "building the Debian packages"
  on_node24 images/debian/build.ts --arch "$architectures" --level "$level"
}

# For what is made of the packages.
ensure_deb() {
  local architecture stale=()
  ensure_pack "$@"
  for architecture in "$@"; do
    if is_stale "$(package_of "$architecture")" "$(program_of "$architecture")" images/debian; then stale+=("$architecture"); fi
  done
  [ ${#stale[@]} -eq 0 ] || deb --arch "$(IFS=,; echo "${stale[*]}")"
}
package_of() { echo "dist/deb/flotilla_$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)_$1.deb"; }

# The images for boards, in dist/os: ./build.sh images [--arch amd64,arm64] [--manifest FILE].
images() {
  local architectures=amd64,arm64 arguments=() each
  while [ $# -gt 0 ]; do
    case "$1" in
      --arch) architectures=$2; shift 2 ;;
      --manifest) arguments+=(--manifest "$2"); shift 2 ;;
      *) usage >&2; exit 2 ;;
    esac
  done
  install_debian "${image_tools[@]}"
  install_npm
  IFS=, read -ra each <<<"$architectures"
  ensure_deb "${each[@]}"
  step "building the images"
  # Packages that were fetched stay in the cache of whoever calls, so that the next image needs the network for news only.
  on_node24 images/os/build.ts --arch "$architectures" "${arguments[@]}"
}

# For what boots or flashes images.
ensure_images() {
  local architecture stale=()
  ensure_deb "$@"
  for architecture in "$@"; do
    if is_stale "dist/os/flotilla-$architecture.img.zst" "$(package_of "$architecture")" contract/card firmware-config images/os \
      images/apt.ts images/run.ts; then stale+=("$architecture"); fi
  done
  [ ${#stale[@]} -eq 0 ] || images --arch "$(IFS=,; echo "${stale[*]}")"
}

# What boards boot from, and what boots them.
boot_parts() {
  install_debian "${boot_tools[@]}"
  ensure_images amd64 arm64
}

# Each part runs, whatever became of those before it.
nightly() {
  local failed=()
  on_node24 test/fuzz/nightly.ts "$@" || failed+=("the decoders")
  on_node24 test/images/os/build-twice.ts amd64 || failed+=("the image that was built twice")
  on_node24 test/boot/test-boot.ts --every-cut amd64-uefi arm64-uefi raspi3b || failed+=("the boards")
  [ ${#failed[@]} -eq 0 ] || { printf 'nightly: failed: %s\n' "${failed[@]}"; exit 1; }
  echo "nightly: all passed"
}

# Debian's npm may be old and run an old Node: it only unpacks what the lock file names, and runs no install scripts.
install_npm() {
  local lock=node_modules/.package-lock.sha256
  if ! sha256sum --status --check "$lock" 2>/dev/null; then
    step "installing npm packages"
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    sha256sum package-lock.json >"$lock"
  fi
  # By its own directory: old npms make no link for it in node_modules/.bin, and that has a program called nft which is not nftables.
  local node
  node=$(readlink -f node_modules/node-linux-*/bin/node || true)
  if [ ! -x "$node" ]; then
    echo "build.sh: no Node 24 for $(uname -m) among the npm packages; x86_64 and aarch64 have one" >&2
    exit 1
  fi
  PATH="$(dirname "$node"):$PATH"
}

install_debian() {
  local packages=() tool
  for tool in "$@"; do
    # Root's own directories are not on everyone's PATH, but that is where nft and conntrack live.
    # And a file that is no program can only be looked for.
    PATH="$PATH:/usr/sbin:/sbin" command -v "${tool%%:*}" >/dev/null || [[ $tool == /* && -e ${tool%%:*} ]] || packages+=("${tool#*:}")
  done
  [ ${#packages[@]} -eq 0 ] && return
  step "installing Debian packages: ${packages[*]}"
  need_root "installing ${packages[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

need_root() {
  [ "$(id -u)" -eq 0 ] || { echo "build.sh: $1 needs root: try sudo ./build.sh" >&2; exit 1; }
}

on_node24() { node --disable-warning=ExperimentalWarning "$@"; }

step() { printf '%s\n' "▸ $*" >&2; }

main "$@"
