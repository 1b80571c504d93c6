# shellcheck shell=bash
# setup.sh: what scripts/demo, scripts/test and .ci/run share; to be sourced. Wants `root`, the folder of the repository.
#   setup_machine            installs the Debian packages that are missing, chooses the OpenMP variant of OpenBLAS
#   setup_build PRESET       configures and builds; sets build_dir (SPINET_BUILD_DIR instead of the preset's folder)
#   setup_mpi                lets mpirun start as root and with more ranks than cores
# Nothing is asked of the network, and root is not needed, where everything is there already.

packages=(build-essential cmake ninja-build pkg-config git openmpi-bin libopenmpi-dev libhdf5-openmpi-dev libgsl-dev
  libfftw3-dev libopenblas-openmp-dev liblapacke-dev librandom123-dev libyaml-dev libflac-dev libsuitesparse-dev zlib1g-dev
  gnuplot-nox fonts-dejavu-core)

say() { printf '== %s\n' "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

can_be_root() { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; }
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Prints the names of the packages that are not installed.
missing_packages() {
  local p
  for p in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
  done
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" -gt 0 ] || return 0
  can_be_root || die "packages are missing, but you are not root and there is no sudo. As root:
  apt-get update && apt-get install -y ${missing[*]}"
  say "installing ${missing[*]}"
  as_root apt-get update -q || die "apt-get update failed: is there a network? Still missing: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" ||
    die "apt-get could not install: ${missing[*]}"
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" -eq 0 ] || die "still missing after apt-get: ${missing[*]}"
}

# Debian's serial OpenBLAS gives wrong results under threads, its pthread variant stalls beside OpenMP and has the higher
# priority: where another variant is the chosen one, choose libopenblas-openmp.
choose_openblas() {
  local triple name chosen wanted
  command -v update-alternatives >/dev/null || return 0
  triple=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
  for name in libopenblas.so.0 libopenblas.so libblas.so.3 liblapack.so.3; do
    name=$name-$triple
    chosen=$(update-alternatives --query "$name" 2>/dev/null | sed -n 's/^Value: //p' || true)
    wanted=$(update-alternatives --list "$name" 2>/dev/null | grep /openblas-openmp/ || true)
    if [ -z "$wanted" ] || [ "$chosen" = "$wanted" ]; then continue; fi
    if ! can_be_root; then
      say "warning: $chosen is in use and should not be. As root: update-alternatives --set $name $wanted"
      continue
    fi
    say "OpenBLAS: $chosen gives way to $wanted (undo: update-alternatives --auto $name)"
    as_root update-alternatives --set "$name" "$wanted" >/dev/null
  done
}

setup_machine() {
  if ! command -v dpkg-query >/dev/null; then
    say "this is no Debian: nothing is installed; needed is what Debian calls ${packages[*]}"
    return 0
  fi
  install_packages
  choose_openblas
}

setup_build() {
  build_dir=${SPINET_BUILD_DIR:-}
  if [ -z "$build_dir" ]; then
    build_dir=build
    if [ "$1" != default ]; then build_dir=build-$1; fi
  fi
  say "configuring $build_dir (preset $1)"
  mkdir -p "$build_dir"
  cmake --preset "$1" -B "$build_dir" >"$build_dir/configure.log" 2>&1 || {
    cat "$build_dir/configure.log"
    die "cmake failed"
  }
  say "building with $(nproc) jobs"
  cmake --build "$build_dir" -j "$(nproc)"
}

setup_mpi() {
  if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
  if [ "$(nproc)" -lt "$1" ]; then export OMPI_MCA_rmaps_base_oversubscribe=1; fi
}
