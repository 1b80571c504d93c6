#!/bin/sh
# app_eit_image.sh synthetic SPINET COMPARE FILES LAUNCHER...   images of recordings made by FILES (eit_image_files.c): the
#   same bits for 1 and 2 ranks and 2 threads, stopped and continued; what is known comes out; what is wrong is said.
# app_eit_image.sh real SPINET CMAKE   decks of inputs/eit on the real recordings; 77 where they are absent.
part=$1 spinet=$(realpath "$2") inputs=$(cd "$(dirname "$0")/../inputs/eit" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
shift 2
# shellcheck source=tests/app.sh
. "$(dirname "$0")/app.sh"

value() { # FOLDER NAME
  "$spinet" show "$1/run.h5" --csv | awk -F, -v name="$2" '$1 == name { print $2 }'
}
between() { # FOLDER NAME LOW HIGH
  x=$(value "$1" "$2")
  check "$2 of $1 is $x, not $3 to $4" awk -v x="$x" -v low="$3" -v high="$4" 'BEGIN { exit !(x != "" && x >= low && x <= high) }'
}
refuse() { # CODE TEXT DECK [OPTIONS]...: ends with this code and one message that holds the text
  code=$1 text=$2
  shift 2
  "$spinet" run "$@" -o refused --quiet >said.txt 2>&1
  got=$?
  rm -rf refused
  check "exit code $got, not $code, of $*" [ $got = "$code" ]
  check "message '$(cat said.txt)' without '$text'" grep -q -e "$text" said.txt
  check "messages of $*: '$(cat said.txt)'" [ "$(grep -c '^spinet' said.txt)" = 1 ]
}

real() {
  cmake=$1
  data=$("$here/real_data.sh") && [ -f "$data/eit/if-neonate-ventilated.zip" ] || exit 77
  for archive in if-neonate-ventilated KTC_levels_1_3_5; do "$cmake" -E tar xf "$data/eit/$archive.zip" || exit 1; done
  check "neonate" "$spinet" run "$inputs/reconstruct.yaml" -o neonate --quiet
  between neonate frequency 0.475 0.495
  between neonate reciprocity 0.00265 0.00275
  between neonate breath_frequency 0.475 0.495
  between neonate tidal 0.02 0.08
  check "a network before the neonate" "$spinet" run "$inputs/neonate.yaml" -o told --quiet
  between told breathing.net 0.4681 0.5081
  between told breathing.error -0.02 0.02
  refuse 2 "patients.rate = 13" "$inputs/neonate.yaml" -s patients.rate=20 -s patients.count=12 -s fit.truncate=0
  check "PulmoVista" "$spinet" run "$inputs/reconstruct.yaml" -s recording.path="$data/eit/ID_SC_10_60.eit" -o adult --quiet
  between adult reciprocity 0.0038 0.0040
  check "tank" "$spinet" run "$inputs/phantom.yaml" -o tank --quiet
  between tank score 0.75 1
}

synthetic() {
  compare=$1 files=$2
  shift 2
  launcher=$*
  check "the files" "$files" .
  mkdir none && printf '#!/bin/sh\nexit 1\n' >none/gnuplot && chmod +x none/gnuplot
  all=$PATH # pictures take longer than most runs here: one run of breaths and one of a tank draw
  cat >breath.yaml <<'DECK'
app: eit-image
recording: {path: breath.csv, rate: 10}
body: {clockwise: false, mesh: 0.12, edge: 0.05}
image: {kind: noser}
DECK
  cat >tank.yaml <<'DECK'
app: eit-image
recording: {path: tank.mat}
phantom: {water: water.mat, truth: truth.mat}
body: {clockwise: false, contact: 0.00435, mesh: 0.1, edge: 0.02}
image: {kind: absolute, iterations: 5}
DECK
  sed 's/kind: noser/kind: tv, iterations: 4/; s/edge: 0.05/&, grid: 16/' breath.yaml >tv.yaml
  for kind in breath tv; do
    [ $kind = tv ] && PATH=$PWD/none:$all
    check "$kind on 1 rank" $launcher 1 "$spinet" run $kind.yaml -o $kind-1 --quiet -s run.threads=1
    check "$kind on 2 ranks" $launcher 2 "$spinet" run $kind.yaml -o $kind-2 --quiet -s run.threads=1
    check "$kind on 2 threads" $launcher 1 "$spinet" run $kind.yaml -o $kind-t --quiet -s run.threads=2
    check "$kind: bits on 2 ranks" "$compare" $kind-1/run.h5 $kind-2/run.h5 /results /series
    check "$kind: bits on 2 threads" "$compare" $kind-1/run.h5 $kind-t/run.h5 /results /series
    between $kind-1 frequency 0.395 0.405
  done
  "$spinet" run tv.yaml -o stopped --quiet -s run.walltime_h=1e-6 >out.txt 2>&1
  check "exit code $?, not 75, of a run without time" grep -q '^state: resubmit' stopped/status
  check "continued" $launcher 2 "$spinet" run tv.yaml -o stopped --restart auto --quiet -s run.walltime_h=0
  check "stopped and continued" "$compare" tv-1/run.h5 stopped/run.h5 /results /series

  for kind in greit tikhonov laplace; do # .5 is out of reach of tikhonov on this mesh
    check "$kind" "$spinet" run breath.yaml -o $kind --quiet -s image.kind=$kind -s image.noise_figure=0.7
  done
  sed 's/kind: noser/kind: backprojection/' breath.yaml >back.yaml
  check "back-projection" "$spinet" run back.yaml -o back --quiet
  for run in breath-1 greit tikhonov laplace back; do # the lung on the right breathes twice as much
    between $run centre_x 0.52 0.8
    between $run breath_frequency 0.39 0.41
  done
  between greit tidal 0.02 0.04 # .3 pi .3^2 / pi = .027
  between breath-1 noise_figure 0.4999 0.5001
  check "mirrored" "$spinet" run breath.yaml -o mirrored --quiet -s body.clockwise=true
  between mirrored centre_x 0.2 0.48
  check "end of expiration" "$spinet" run breath.yaml -o low --quiet -s frames.reference=expiration
  between low end_expiratory -0.002 0.002
  sed 's/breath.csv/images.csv/; s/kind: noser/kind: given/' breath.yaml >given.yaml
  check "images as they are" "$spinet" run given.yaml -o given --quiet
  between given frequency 0.395 0.405
  between given centre_x 0.52 0.8
  for picture in breath-1/figure.png breath-1/frames.png; do
    if command -v gnuplot >/dev/null; then check "$picture" [ -s $picture ]; fi
  done

  PATH=$all
  check "tank" "$spinet" run tank.yaml -o tank --quiet
  between tank score 0.85 1
  if command -v gnuplot >/dev/null; then check tank/figure.png [ -s tank/figure.png ]; fi
  PATH=$PWD/none:$all
  check "the other way round" "$spinet" run tank.yaml -o other --quiet -s body.clockwise=true
  between other score 0.3 0.6 # a disk where there is none
  sed 's/absolute.*}/laplace, lambda: 0.01}/' tank.yaml >difference.yaml
  check "difference" "$spinet" run difference.yaml -o difference --quiet
  between difference score "$(value tank score.water)" 1
  between difference sheet_conductivity 0.00095 0.00105

  refuse 3 nothing.csv breath.yaml -s recording.path=nothing.csv
  refuse 3 short.csv breath.yaml -s recording.path=short.csv
  refuse 3 half.mat tank.yaml -s recording.path=half.mat
  refuse 3 small.mat tank.yaml -s phantom.truth=small.mat
  refuse 3 breath.csv tank.yaml -s phantom.water=breath.csv
  refuse 3 "columns are neither" breath.yaml -s recording.path=breath.yaml
  refuse 2 "did you mean get" breath.yaml -s recording.format=gte
  refuse 2 "recording.rate" breath.yaml -s recording.rate=~
  refuse 2 "with a section phantom" breath.yaml -s image.kind=absolute
  refuse 2 "image.kind must be given" breath.yaml -s recording.path=images.csv
  refuse 2 "frames 90 to 119" breath.yaml -s frames.first=90 -s frames.count=30
}

"$part" "$@"
verdict
