#!/bin/sh
# app_heisenberg.sh SPINET COMPARE LAUNCHER...: runs of one tiny deck give the same bits in /results, /series and /model
#   for 1, 2, 4 ranks and 2 threads, drawn by rows and by columns, and from used.yaml.
# LAUNCHER... is followed by the number of ranks. Part of the suite's tests: prints what differs, returns 1 if anything does.
spinet=$1 compare=$2
shift 2
launcher=$*
# shellcheck source=tests/app.sh
. "$(dirname "$0")/app.sh"

cat >tiny.yaml <<'DECK'
app: heisenberg
run: {title: the same bits, seed: 5}
lattice: {sites: 8, trotter: 6}
model: {kind: xxx, J: -1, beta: 1.5}
draw: {symmetry: z2, lanes: 16}
net: {kind: pixelcnn, depth: 2, width: 4, half_kernel: 2, wrap: true, skip: frontier}
train: {steps: 30, batch: 112, growth: 2}
optimiser: {kind: adam, lr: 3e-3}
estimate: {draws: 10_000, nmcmc: 8_000, compare: 512, scan: [1.4, 1.5]}
chain: {kind: loop, sweeps: 300, thermalisation: 50, replicas: 5}
DECK

go() { # FOLDER RANKS THREADS DECK [OPTIONS]...
  out=$1 ranks=$2 threads=$3 deck=$4
  shift 4
  OMP_NUM_THREADS=$threads check "run of $out" $launcher "$ranks" "$spinet" run "$deck" -o "$out" --quiet "$@"
}

for ring in rows columns; do
  go $ring-1 1 1 tiny.yaml -s draw.ring=$ring
  for ranks in 2 4; do
    go $ring-$ranks $ranks 1 tiny.yaml -s draw.ring=$ring
    check "$ring, $ranks ranks" "$compare" $ring-1/run.h5 $ring-$ranks/run.h5
  done
done
go t2 1 2 tiny.yaml -s draw.ring=rows
check "2 threads" "$compare" rows-1/run.h5 t2/run.h5
go echo 1 1 rows-1/used.yaml
check "used.yaml" "$compare" rows-1/run.h5 echo/run.h5
if "$compare" rows-1/run.h5 columns-1/run.h5 >out.txt 2>&1; then
  echo "rows and columns gave the same bits" && failed=$((failed + 1))
fi
# A longer chain starts better from the network of a shorter one than from chance.
sed 's/^net: .*/net: {kind: sites, width: 8, skip: frontier}/; s/^train: .*/train: {steps: 200, batch: 64}/' tiny.yaml >sites.yaml
few="-s draw.symmetry=none -s estimate.scan=[] -s estimate.draws=4000"
go sites 1 1 sites.yaml $few
go grown 1 1 sites.yaml $few -s lattice.sites=14 -s exact.length=0 -s train.steps=0 -s net.grow=sites
go fresh 1 1 sites.yaml $few -s lattice.sites=14 -s exact.length=0 -s train.steps=0
ess() { "$spinet" show "$1/run.h5" --csv | sed -n 's/^ess,\([^,]*\),.*/\1/p'; }
check "a grown network starts better" awk "BEGIN {exit !($(ess grown) > 2 * $(ess fresh))}"

verdict
