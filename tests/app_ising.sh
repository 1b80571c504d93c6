#!/bin/sh
# app_ising.sh SPINET COMPARE LAUNCHER...: runs of one tiny deck give the same bits in /results, /series and /model
#   for 1, 2, 3, 4 ranks and 1, 2 threads, with little memory (activations drawn again), and from used.yaml;
#   the network in a run.h5 used again gives its estimates; -s changes are recorded.
# LAUNCHER... is followed by the number of ranks. Part of the suite's tests: prints what differs, returns 1 if anything does.
spinet=$1 compare=$2
shift 2
# shellcheck source=tests/app.sh
. "$(dirname "$0")/app.sh"

cat >tiny.yaml <<'DECK'
app: ising
run: {title: the same bits, seed: 5}
lattice: {kind: square, L: 8}
model: {kind: ferromagnet, beta: beta_c}
draw: {heat_bath: true, symmetry: z2, lanes: 16}
net: {kind: pixelcnn, depth: 2, width: 4, half_kernel: 2, skip: frontier}
train: {steps: 30, batch: 112, growth: 2}
optimiser: {kind: adam, lr: 3e-3}
estimate: {draws: 20_000, nmcmc: 15_000, compare: 512, scan: [0.42, 0.44]}
chain: {kind: swendsen-wang, sweeps: 300, thermalisation: 50, replicas: 5}
DECK

go() { # FOLDER RANKS THREADS DECK [OPTIONS]...
  out=$1 ranks=$2 threads=$3 deck=$4
  shift 4
  OMP_NUM_THREADS=$threads check "run of $out" $launcher "$ranks" "$spinet" run "$deck" -o "$out" --quiet "$@"
}
launcher=$*

go r1 1 1 tiny.yaml
for ranks in 2 3 4; do
  go r$ranks $ranks 1 tiny.yaml
  check "$ranks ranks" "$compare" r1/run.h5 r$ranks/run.h5
done
go t2 1 2 tiny.yaml
check "2 threads" "$compare" r1/run.h5 t2/run.h5
go r2t2 2 1 tiny.yaml -s run.threads=2
check "2 ranks with 2 threads by the deck" "$compare" r1/run.h5 r2t2/run.h5
wide="-s net.width=64 -s net.depth=3 -s train.batch=512 -s train.steps=4 -s estimate.draws=2000"
go kept 1 1 tiny.yaml $wide
go small 2 1 tiny.yaml $wide -s run.memory_GB=0.01
check "all activations fit" grep -q 'activations kept' kept/log.txt
check "not all activations fit" grep -q 'drawn again before backward' small/log.txt
check "little memory" "$compare" kept/run.h5 small/run.h5

# The echo runs again to the same bits, and echoes itself.
go echo 1 1 r1/used.yaml
check "used.yaml" "$compare" r1/run.h5 echo/run.h5
check "echo of the echo" cmp r1/used.yaml echo/used.yaml

# The network of a file, drawn without training, estimates the same.
go again 1 1 tiny.yaml -s net.from=r1/run.h5 -s train.steps=0
check "net.from" "$compare" r1/run.h5 again/run.h5 /results /model

# Grown to a larger lattice, it is a better start there than chance; what cannot grow is said.
refused() { # OPTIONS of a check that says $text
  "$spinet" check sites.yaml $few "$@" 2>&1 | grep -q "$text"
}
sed 's/^net: .*/net: {kind: sites, width: 8, skip: frontier}/; s/^train: .*/train: {steps: 300, batch: 64}/' tiny.yaml >sites.yaml
few="-s draw.symmetry=none -s estimate.scan=[] -s estimate.draws=4000"
go sites 1 1 sites.yaml $few
go grown 1 1 sites.yaml $few -s lattice.L=12 -s train.steps=0 -s net.grow=sites
go fresh 1 1 sites.yaml $few -s lattice.L=12 -s train.steps=0
ess() { "$spinet" show "$1/run.h5" --csv | sed -n 's/^ess,\([^,]*\),.*/\1/p'; }
check "a grown network starts better" awk "BEGIN {exit !($(ess grown) > 5 * $(ess fresh))}"
text='cannot grow to 4 x 2' && check "grow to less" refused -s lattice.L=4 -s net.grow=sites
text='net.from gives the first parameters' && check "grow and from" refused -s net.grow=sites -s net.from=r1/run.h5

# Changes on the command line are recorded, act, and are part of the echo.
go changed 1 1 tiny.yaml -s model.beta=0.43 -s run.seed=6
"$compare" --run overrides changed/run.h5 >overrides.txt
printf 'model.beta=0.43\nrun.seed=6\n' >expected.txt
check "overrides in the echo" grep -q 'beta: *0.4[23]' changed/used.yaml
check "seed in the echo" grep -q 'seed: *6' changed/used.yaml
check "overrides in the file" cmp overrides.txt expected.txt
if "$compare" r1/run.h5 changed/run.h5 >out.txt 2>&1; then
  echo "another beta gave the same bits" && failed=$((failed + 1))
fi
go echo2 1 1 changed/used.yaml
check "echo of a changed run" "$compare" changed/run.h5 echo2/run.h5

verdict
