#!/bin/bash
# What the suite ships for its users works.
#   run_inputs.sh deck     PROGRAM DECK [LAUNCHER...]   passes `check` and `run --dry-run`, and runs when made small
#   run_inputs.sh template PROGRAM APP                  a template is a deck once its required keys are given
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
part=$1 program=$(realpath "$2") word=$3
shift 3
launcher=("$@")

work=$(mktemp -d /tmp/spinet_inputs_XXXXXX)
trap 'rm -rf "$work"' EXIT

smallness() { # overrides that make a deck of the app run for seconds
  case $1 in
    ising) echo "-s train.steps=3 -s draw.lanes=32 -s train.batch=128 -s train.growth=1 -s estimate.draws=512 -s estimate.compare=64" \
      "-s chain.sweeps=200 -s chain.thermalisation=10 -s chain.replicas=2" ;;
    heisenberg) echo "-s train.steps=3 -s train.batch=128 -s train.growth=1 -s estimate.draws=512 -s exact.length=4" \
      "-s estimate.compare=64 -s chain.sweeps=200 -s chain.thermalisation=10 -s chain.replicas=2" ;;
    yukawa-generate) echo "-s chain.steps=40 -s chain.thermalisation=5 -s chain.every=1 -s chain.replicas=1 -s model.draw=3" \
      "-s lattice.L=4" ;;
    yukawa-train) echo "-s data.train=$work/ensemble -s data.test=$work/ensemble/run.h5 -s fit.epochs=1 -s net.head=8" ;;
    yukawa-explain) echo "-s net.from=$work/net -s data.test=$work/ensemble -s explain.nodes=2 -s explain.blocks=2" ;;
    series) echo "-s data.records=60 -s fit.epochs=1 -s evaluate.replicates=20" \
      "$(grep -qE 'net: \{kind: cnn|^  net:' "$word" || echo -s net.width=8)" ;; # cnn has none, or the sweep gives it
    series-explain) echo "-s explain.from=$work/model/run.h5 -s explain.records=2 -s explain.randomise=0" \
      "-s attribute.nodes=2 -s attribute.panels=1" ;;
    series-predict) echo "-s model.from=$work/model/run.h5 -s attribute.nodes=2 -s attribute.panels=1" ;;
    eit) echo "-s patients.count=12 -s patients.seconds=8 -s patients.h=.02 -s task.folds=3 -s task.window=0 -s fit.epochs=2 -s fit.batch=8 -s fit.lanes=8" \
      "-s evaluate.replicates=20 -s fit.truncate=0" ;;
    eit-image) if grep -q '^phantom:' "$word"; then echo "-s body.grid=12 -s body.mesh=0.1 -s image.iterations=1"; else
      echo "-s frames.count=60 -s body.mesh=0.15 -s body.edge=0.06"; fi ;;
    *) echo "tests/run_inputs.sh does not know how to make a deck of app $1 small" >&2 && exit 1 ;;
  esac
}

prepare() { # what a deck of the app reads, small, and the settings that a dry run needs to find it
  case $1 in
    yukawa-train)
      "$program" run "$(dirname "$word")/ensemble-quick-test.yaml" -o "$work/ensemble" --quiet -s lattice.L=4 -s chain.steps=60 \
        -s chain.thermalisation=5 -s chain.replicas=2 >&2
      echo "-s data.train=$work/ensemble -s data.test=$work/ensemble"
      ;;
    yukawa-explain)
      local what=cnn
      case $word in *mlp*) what=mlp ;; esac
      "$program" run "$(dirname "$word")/ensemble-quick-test.yaml" -o "$work/ensemble" --quiet -s lattice.L=4 -s chain.steps=60 \
        -s chain.thermalisation=5 -s chain.replicas=2 >&2
      "$program" run "$(dirname "$word")/train-$what.yaml" -o "$work/net" --quiet -s data.train="$work/ensemble" \
        -s data.test="$work/ensemble" -s fit.epochs=1 >&2
      echo "-s net.from=$work/net -s data.test=$work/ensemble -s explain.blocks=2"
      ;;
    series-*) # the network that the deck names: runs/NAME/run.h5 is what inputs/series/NAME.yaml trains
      word=$(dirname "$word")/$(sed -n 's|.*from: runs/\([a-z0-9-]*\)/run.h5.*|\1|p' "$word").yaml # in this subshell
      # shellcheck disable=SC2046 # several words
      "$program" run "$word" -o "$work/model" --quiet $(smallness series) -s evaluate.features=false \
        -s evaluate.half_rate=false >&2
      echo "-s $([ "$1" = series-explain ] && echo explain || echo model).from=$work/model/run.h5"
      ;;
  esac
}

# Decks on real recordings find them in the folder where they run; 77 (skipped) where there are none.
real_recordings() {
  local data archive
  data=$("$here/real_data.sh") && [ -d "$data/eit" ] || exit 77
  cd "$work"
  for archive in if-neonate-ventilated KTC_levels_1_3_5; do cmake -E tar xf "$data/eit/$archive.zip"; done
}

try_deck() {
  local app small data=() point=() out=$work/run
  app=$(sed -n 's/^app: *//p' "$word")
  read -ra data <<<"$(prepare "$app")"
  if grep -q '^sweep:' "$word"; then point=(--point 0); fi # a sweep: its first point stands for all
  "$program" check "$word"
  if grep -q '^recording:' "$word"; then real_recordings; fi
  "$program" run --dry-run "${point[@]}" "$word" "${data[@]}" -o "$work/dry"
  [ ! -e "$work/dry" ] || { echo "a dry run made a folder" && exit 1; }
  read -ra small <<<"$(smallness "$app")"
  "${launcher[@]}" "$program" run "$word" "${point[@]}" "${small[@]}" -o "$work/run" --quiet
  if [ ${#point[@]} -gt 0 ]; then out=$(echo "$work"/run/point-*); fi
  local f
  for f in run.h5 used.yaml log.txt status; do
    [ -s "$out/$f" ] || { echo "$f is missing" && exit 1; }
  done
  grep -q '^state: done' "$out/status"
  "$program" check "$out/used.yaml"
}

# Keys of the default kinds that are required: uncommented and given. The other kinds, behind a line "  #", stay comments.
fill_template() {
  awk '/^[^ ]/ { other = 0 }
       /^  #$/ { other = 1 }
       /<required/ && !other { sub(/# /, ""); sub(/<required, an integer>/, "8"); sub(/<required, a number>/, "0.4"); sub(/<required, a number, a list[^>]*>/, "0.1"); sub(/<required, a text>/, "x") }
       { print }'
}

try_template() {
  local extra=()
  case $word in
    ising) extra=(-s lattice.L=8) ;; # L, or rows and cols: neither is required alone
    yukawa-generate) extra=(-s lattice.L=8) ;; # L, or sides
  esac
  "$program" template "$word" | fill_template >"$work/template.yaml"
  "$program" check "$work/template.yaml" "${extra[@]}"
  sed -i '/^# sweep:/,$s/^# //' "$work/template.yaml"
  "$program" points "$work/template.yaml" "${extra[@]}" | grep '^3 points' || { echo "the template's sweep has not 3 points" && exit 1; }
}

case $part in
  deck) try_deck ;;
  template) try_template ;;
  *) echo "there is no part $part" && exit 1 ;;
esac
