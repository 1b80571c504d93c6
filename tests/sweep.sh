#!/bin/bash
# Sweeps with the real program: a farm of twelve points of which one fails, the rerun, points alone, SIGUSR1.
#   sweep.sh PROGRAM LAUNCHER...
set -uo pipefail
program=$1
shift
launcher=("$@")
failures=0 checks=0
work=$(mktemp -d /tmp/spinet_sweep_XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

check() { # check TEXT COMMAND...: the command must succeed
  local text=$1
  shift
  checks=$((checks + 1))
  "$@" && return
  failures=$((failures + 1))
  echo "FAILED: $text"
  [ ! -s said ] || sed 's/^/    /' said
}

farm() { # farm DIR GROUPS [ARGUMENT...]: the exit code in $code, what was said in `said`
  local folder=$1 groups=$2
  shift 2
  timeout 120 "${launcher[@]}" 2 "$program" run "$deck" --farm "$groups" -o "$folder" "$@" >said 2>&1
  code=$?
}

done_points() { # of a folder
  local f n=0
  for f in "$1"/point-*/status; do grep -q '^state: done' "$f" && n=$((n + 1)); done
  echo "$n"
}

same() { # same A B: all points of two folders, bit for bit
  local p
  for p in "$1"/point-*; do alone diff "$p" "$2/$(basename "$p")" >said 2>&1 || return 1; done
}

alone() { # without a network a start of MPI costs little
  OMPI_MCA_pml=ob1 OMPI_MCA_btl=self OMPI_MCA_ess_singleton_isolated=1 timeout 60 "$program" "$@"
}

# No training curve, no draws: no pictures, half a second a point with them.
cat >twelve.yaml <<'DECK'
app: ising
lattice: {L: 4}
net: {kind: made, width: 4}
train: {steps: 1, batch: 64}
estimate: {draws: 0}
chain: {sweeps: 100, thermalisation: 10, replicas: 2}
sweep:
  net: [{kind: made, width: 4}, {kind: sites, width: 4}]
  model.beta: {from: 0.3, to: 0.55, steps: 6}
DECK
deck=twelve.yaml

test_farm() {
  local bad
  alone points twelve.yaml >points 2>said
  check "points" grep -qE '^4 +[0-9a-f]{8} +\{kind: made, width: 4\} +0\.5$' points
  check "twelve points" test "$(grep -cE '^[0-9]+ +[0-9a-f]{8} ' points)" -eq 12
  bad=a/point-005-$(awk '$1 == 5 {print $2}' points)
  mkdir a
  touch "$bad"
  farm a 2
  check "a failed point: code $code, not 1" test $code -eq 1
  check "eleven results" test "$(done_points a)" -eq 11
  check "the failed point is reported" grep -q "^point 5 (.*model.beta = 0.55): cannot make the folder $bad" said
  check "the message" grep -q "1 of 12 points failed; the same command does what is missing" said
  rm "$bad"
  touch before
  farm a 2
  check "the rerun: code $code, not 0" test $code -eq 0
  check "the rerun does the missing point only" \
    test "$(find a -name run.h5 -newer before)" = "$bad/run.h5"
  check "nothing is left behind" test -z "$(find a -name '.claims*' -o -name '.points*')"
  farm b 1
  check "one group gives other bits than two" same a b
}

test_alone() {
  alone run $deck --point 7 -o c --quiet >said 2>&1
  check "a point alone differs from the farm's" alone diff c/point-007-* a/point-007-*
  alone run $deck --point 7 -o c >said 2>&1
  check "a point that is done" grep -q "is done already" said
  alone run c/point-007-*/used.yaml -o d --quiet >said 2>&1
  check "the used deck of a point gives other bits" alone diff d a/point-007-*
  alone diff a/point-006-* a/point-007-* >said 2>&1
  check "two points are equal" test $? -eq 1
  alone run $deck >said 2>&1
  check "a sweep without a point" test $? -eq 2
  check "says what to do" grep -q 'twelve.yaml:7: sweep: this deck holds 12 points' said
  alone run $deck --point 12 -o c >said 2>&1
  check "no such point" test $? -eq 2
  alone collect a --y e.sw --x model.beta -o all.h5 >said 2>&1
  check "collect" grep -q '^0.55 .*sites .*done .*point-011-' said
  alone show all.h5 --csv >said 2>&1
  check "what was collected" grep -q '^"\?e.sw\[' said
}

# Two points of some seconds; SIGUSR1 to mpirun stops both with a checkpoint. A signal sent on a busy machine may come
# after both points are done, which is no fault of the farm: it is sent again to another farm then.
disturb() { # a farm in the new folder `disturbed`, signalled when both points have begun
  local job k
  rm -rf disturbed
  timeout 120 "${launcher[@]}" 2 "$program" run two.yaml --farm 2 -o disturbed >said 2>&1 &
  job=$!
  for ((k = 0; k < 200; k++)); do
    [ "$(grep -ls '^phase: ' disturbed/point-*/status 2>/dev/null | wc -l)" -eq 2 ] && break
    sleep .05
  done
  kill -USR1 "$(pgrep -P $job | head -1)"
  wait $job
  code=$?
}

test_signal() {
  local attempt
  sed 's/  net:.*/  run.seed: [1, 2]/; /model.beta/d; s/sweeps: 100/sweeps: 450_000/' twelve.yaml >two.yaml
  echo 'model: {beta: 0.44}' >>two.yaml
  deck=two.yaml
  farm undisturbed 2
  check "two points: code $code" test $code -eq 0
  for attempt in 1 2 3 4 5; do
    disturb
    [ $code -eq 0 ] && [ "$(done_points disturbed)" -eq 2 ] || break
    echo "signal $attempt came after both points were done"
  done
  check "SIGUSR1: code $code, not 75" test $code -eq 75
  check "resubmit" grep -q 'stopped with [01] of 2 points done: resubmit' said
  farm disturbed 1
  check "the rest: code $code" test $code -eq 0
  check "a farm that was stopped gives other bits" same undisturbed disturbed
}

test_farm
test_alone
test_signal
echo "$checks checks, $failures failures"
[ "$failures" -eq 0 ]
