#!/bin/sh
# app_eit.sh SPINET COMPARE LAUNCHER...: a tiny ensemble of patients and networks give the same bits in /results, /series
#   and /model for 1 and 2 ranks and 2 threads, from files in place of simulation, when stopped and continued, and when
#   the network of a file is used again without training; damaged files of patients are one error each. Prints what
#   differs, returns 1 if anything does.
spinet=$1 compare=$2
shift 2
launcher=$*
# shellcheck source=tests/app.sh
. "$(dirname "$0")/app.sh"

cat >tiny.yaml <<'DECK'
app: eit
run: {title: the same bits, seed: 5}
patients: {count: 9}
task: {folds: 3, window: 60, transpulmonary: true, shuffled: true}
net: {kind: gru, layers: 1, width: 4, encoder: [4]}
fit: {epochs: 2, batch: 8, lanes: 8, truncate: 30}
loss: {kind: mse, warmup: 20}
evaluate: {replicates: 20}
DECK
simulated="-s patients.seconds=9 -s patients.reference=6 -s patients.h=.03 -s image.size=16"

go() { # FOLDER RANKS THREADS [OPTIONS]...
  out=$1 ranks=$2 threads=$3
  shift 3
  OMP_NUM_THREADS=$threads $launcher "$ranks" "$spinet" run tiny.yaml -o "$out" --quiet "$@"
}
refused() { # WHAT TEXT: reading the patients of folder bad fails with exit code 3 and one message
  OMP_NUM_THREADS=1 $launcher 1 "$spinet" run tiny.yaml -o no --overwrite --quiet -s patients.kind=stored \
    -s patients.path=bad >said.txt 2>&1
  code=$?
  check "$1: exit code 3, not $code" [ $code = 3 ]
  check "$1: message" grep -q "$2" said.txt
}

# shellcheck disable=SC2086 # options
{
  check "run on 1 rank" go r1 1 1 $simulated -s store.recordings=true
  check "run on 2 ranks" go r2 2 1 $simulated
  check "2 ranks" "$compare" r1/run.h5 r2/run.h5
  check "run on 2 threads" go t2 1 2 $simulated
  check "2 threads" "$compare" r1/run.h5 t2/run.h5
}
stored="-s patients.kind=stored -s patients.path=r1"
# shellcheck disable=SC2086
{
  check "patients of a file" go s1 1 1 $stored
  check "files" "$compare" r1/run.h5 s1/run.h5
  go stopped 1 1 $stored -s run.walltime_h=1e-6 >out.txt 2>&1 # at the first tick
  check "the run was stopped with a checkpoint" grep -q '^state: resubmit' stopped/status
  check "continued" go stopped 2 1 $stored --restart auto -s run.walltime_h=0
  check "stopped and continued" "$compare" r1/run.h5 stopped/run.h5
  check "the network of a file" go again 1 1 $stored -s net.from=r1/run.h5 -s fit.epochs=0
  check "net.from" "$compare" r1/run.h5 again/run.h5 /results /model
}

mkdir bad
refused "no files" "bad/patients-0000.h5"
head -c 5000 r1/patients-0000.h5 >bad/patients-0000.h5
refused "half a file" "bad/patients-0000.h5"
cp r1/run.h5 bad/patients-0000.h5
refused "another file" "images"

verdict
