#!/bin/sh
# app_series.sh SPINET COMPARE LAUNCHER...: a tiny classifier of ECGs gives the same bits in /results, /series and /model
#   for 1, 2 and 4 ranks and 2 threads, when it is stopped and continued on another number of ranks, and when the network
#   of its file is used again without training. Against itself a network gains exactly 0; other recordings are refused.
#   inputs/series/quick.yaml takes a folder in the layout of PTB-XL, too, and any fold as the test fold.
#   Prints what differs, returns 1 if anything does.
spinet=$1 compare=$2
shift 2
launcher=$*
inputs=$(cd "$(dirname "$0")/../inputs/series" && pwd)
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

mkdir -p ptbxl/r # 40 recordings of arbitrary numbers, four in each fold
echo ',description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass,Statement Category
NORM,normal ECG,1.0,,,NORM,NORM,Normal
LVH,left ventricular hypertrophy,1.0,,,HYP,LVH,Hypertrophy' >ptbxl/scp_statements.csv
echo 'ecg_id,patient_id,age,sex,height,weight,report,scp_codes,strat_fold,filename_lr,filename_hr' >ptbxl/ptbxl_database.csv
for i in $(seq 0 39); do
  label=NORM
  [ $((i / 10 % 2)) = 0 ] || label=LVH
  echo "$i,$i,$((i + 30)).0,$((i % 2)),,,x,{'$label': 100.0},$((i % 10 + 1)),r/$i,r/$i" >>ptbxl/ptbxl_database.csv
  echo "$i 12 100 1000" >ptbxl/r/$i.hea
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "$i.dat 16 1000/mV" >>ptbxl/r/$i.hea; done
  dd if="$spinet" of=ptbxl/r/$i.dat bs=24000 count=1 skip="$i" 2>dd.txt
done
quick() { # FOLDER [OPTIONS]...
  out=$1
  shift
  OMP_NUM_THREADS=1 "$spinet" run "$inputs/quick.yaml" -o "$out" --quiet -s fit.epochs=1 -s net.width=8 -s evaluate.replicates=20 "$@"
}
check "quick.yaml on PTB-XL" quick p10 -s data.kind=ptbxl -s data.path=ptbxl -s data.task=superdiag
check "says what it read" grep -q '40 recordings of 12 leads, 1000 samples at 100 Hz, 2 classes; 32 train, 4 validate, 4 test' p10/log.txt
check "classes by name" grep -q 'HYP ' p10/log.txt
check "another test fold" quick p3 -s data.kind=ptbxl -s data.path=ptbxl -s data.task=superdiag -s data.test_fold=3
quick refused -s data.kind=ptbxl -s data.path=ptbxl -s data.task=superdiag -s data.test_fold=3 \
  -s evaluate.against=p10/run.h5 >refused.txt 2>&1
check "another fold has other recordings" grep -q 'its test recordings are others' refused.txt

verdict
