#!/bin/sh
# app_series.sh SPINET COMPARE LAUNCHER...: a tiny classifier of ECGs gives the same bits in /results, /series and /model
#   for 1, 2 and 4 ranks and 2 threads, when it is stopped and continued on another number of ranks, and when the network
#   of its file is used again without training. Against itself a network gains exactly 0; other recordings are refused.
#   Prints what differs, returns 1 if anything does.
spinet=$1 compare=$2
shift 2
launcher=$*
# shellcheck source=tests/app.sh
. "$(dirname "$0")/app.sh"

cat >tiny.yaml <<'DECK'
app: series
run: {title: the same bits, seed: 5}
data: {kind: simulated, records: 150, window: 100, seconds: 3}
net: {kind: s4, kernel: legs, width: 8, depth: 1, states: 4}
fit: {epochs: 3, batch: 32, lanes: 8}
evaluate: {replicates: 20, half_rate: true}
DECK

go() { # FOLDER RANKS THREADS [OPTIONS]...
  out=$1 ranks=$2 threads=$3
  shift 3
  OMP_NUM_THREADS=$threads $launcher "$ranks" "$spinet" run tiny.yaml -o "$out" --quiet "$@"
}

check "run on 1 rank" go r1 1 1
for ranks in 2 4; do
  check "run on $ranks ranks" go r$ranks $ranks 1
  check "$ranks ranks" "$compare" r1/run.h5 r$ranks/run.h5 /results /series /model /test
done
check "run on 2 threads" go t2 1 2
check "2 threads" "$compare" r1/run.h5 t2/run.h5

go stopped 1 1 -s run.walltime_h=1e-6 >out.txt 2>&1 # at the first tick
check "the run was stopped with a checkpoint" grep -q '^state: resubmit' stopped/status
check "continued" go stopped 2 1 --restart auto -s run.walltime_h=0
check "stopped and continued" "$compare" r1/run.h5 stopped/run.h5

check "the network of a file" go again 1 1 -s net.from=r1/run.h5 -s fit.epochs=0
check "net.from" "$compare" r1/run.h5 again/run.h5 /results /model

check "recordings of a seed of their own" go seeded 1 1 -s data.seed=5
check "data.seed" "$compare" r1/run.h5 seeded/run.h5
check "paired" go paired 1 1 -s net.from=r1/run.h5 -s fit.epochs=0 -s evaluate.against=r1/run.h5
"$spinet" show --csv paired/run.h5 >paired.csv
check "no gain over itself" grep -q '^beyond_against,0,0,' paired.csv
check "without age and sex" go alone 1 1 -s data.person=false -s evaluate.against=r1/run.h5
"$spinet" show --csv alone/run.h5 >alone.csv
check "another network gains or loses" grep '^beyond_against,-*0*[.]*[0-9.e-]*[1-9]' alone.csv
go others 1 1 -s data.seed=6 -s evaluate.against=r1/run.h5 >refused.txt 2>&1
check "other recordings are refused" test $? = 3
check "and the message says so" grep -q 'evaluate.against: r1/run.h5: its test recordings are others' refused.txt

verdict
