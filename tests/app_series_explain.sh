#!/bin/sh
# app_series_explain.sh SPINET COMPARE LAUNCHER...: a tiny network is trained on planted signs; apps series-explain and
#   series-predict with it give the same bits in /results for 1 and 2 ranks, series-explain also on 2 threads and when it
#   is stopped and continued; what is missing ends in one message and its exit code. Prints what differs, returns 1 if
#   anything does.
spinet=$1 compare=$2
shift 2
launcher=$*
# shellcheck source=tests/app.sh
. "$(dirname "$0")/app.sh"

mkdir bin && printf '#!/bin/sh\n' >bin/gnuplot && chmod +x bin/gnuplot # pictures are drawn by tests of decks
PATH=$PWD/bin:$PATH # an mpiexec called by its full name puts its own folder in front again: see go
cat >train.yaml <<'DECK'
app: series
run: {seed: 5}
data: {kind: planted, records: 120, window: 200, seconds: 4}
net: {kind: s4, kernel: lin, width: 8, depth: 1, states: 4}
fit: {epochs: 2, batch: 32, lanes: 8}
evaluate: {replicates: 20, features: false}
DECK
cat >explain.yaml <<'DECK'
app: series-explain
explain: {from: model/run.h5, class: PLANTED, records: 6, randomise: 1, least: 0}
attribute: {nodes: 2, panels: 2}
DECK
cat >predict.yaml <<'DECK'
app: series-predict
model: {from: model/run.h5}
record: {kind: simulated, index: 19, rate: 200, seconds: 4}
DECK

go() { # DECK FOLDER RANKS THREADS [OPTIONS]...
  deck=$1 out=$2 ranks=$3 threads=$4
  shift 4
  OMP_NUM_THREADS=$threads $launcher "$ranks" env PATH="$PATH" "$spinet" run "$deck" -o "$out" --quiet "$@"
}
refuse() { # CODE TEXT DECK [OPTIONS]...: exit code, and one line "spinet: ..." that says so
  code=$1 text=$2 deck=$3
  shift 3
  "$spinet" run "$deck" -o refused --overwrite --quiet "$@" >refused.txt 2>&1
  [ $? = "$code" ] && [ "$(grep -c '^spinet: ' refused.txt)" = 1 ] && grep '^spinet: ' refused.txt | grep -q "$text" && return 0
  cat refused.txt
  return 1
}

check "train" go train.yaml model 1 1
for app in explain predict; do
  check "$app on 1 rank" go $app.yaml $app-1 1 1
  check "$app on 2 ranks" go $app.yaml $app-2 2 1
  check "$app: 2 ranks" "$compare" $app-1/run.h5 $app-2/run.h5 /results
done
check "explain on 2 threads" go explain.yaml threads 1 2
check "explain: 2 threads" "$compare" explain-1/run.h5 threads/run.h5 /results
check "another rate, told" go predict.yaml told 1 1 -s record.transfer=tell

go explain.yaml stopped 1 1 -s run.walltime_h=1e-6 >out.txt 2>&1 # at the first tick
check "the run was stopped with a checkpoint" grep -q '^state: resubmit' stopped/status
check "continued" go explain.yaml stopped 2 1 --restart auto -s run.walltime_h=0
check "stopped and continued" "$compare" explain-1/run.h5 stopped/run.h5 /results

check "none found" go explain.yaml none 1 1 -s explain.least=1 -s explain.randomise=0 -s attribute.panels=1

check "no model" refuse 3 nowhere/run.h5 predict.yaml -s model.from=nowhere/run.h5
check "no model to explain" refuse 3 nowhere/run.h5 explain.yaml -s explain.from=nowhere/run.h5
check "another app's run" refuse 3 'series-predict' predict.yaml -s model.from=predict-1/run.h5
check "no such class" refuse 2 'did you mean PLANTED' predict.yaml -s model.class=PLANTE
check "no such method" refuse 2 'lrp-epsilon' predict.yaml -s model.method=magic
check "too short" refuse 3 'the network sees 2 s' predict.yaml -s record.seconds=1

verdict
