#!/bin/bash
# Wrong decks and output folders that cannot be written: the exit code, the message, and nothing left behind.
#   run_bad_decks.sh check  SOURCE PROGRAM               every deck of tests/decks/bad through `spinet check`
#   run_bad_decks.sh ranks  SOURCE PROGRAM LAUNCHER...   some of them through `LAUNCHER 4 PROGRAM run`: no hang, said once
#   run_bad_decks.sh folder SOURCE PROGRAM LAUNCHER...   output folders: below a file, taken, read-only, full
# NAME.expect holds one line per piece of text that must stand in the message; "exit: N" where the code is not 2.
set -uo pipefail
part=$1 source=$(realpath "$2") program=$(realpath "$3")
shift 3
launcher=("$@")
failures=0 cases=0

work=$(mktemp -d /tmp/spinet_bad_XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
ln -s "$source/tests" tests
ln -s "$source/inputs" inputs

limit() { # SECONDS COMMAND...: more of them under a sanitizer
  local seconds=$1
  shift
  timeout $((seconds * ${SPINET_SLOWNESS:-1})) "$@"
}

fail() {
  failures=$((failures + 1))
  printf 'FAILED %s: %s\n' "$1" "$2"
  sed 's/^/    /' said
}

small() { # a run of half a second
  cat <<'DECK'
app: ising
lattice: {L: 4}
model: {beta: 0.4}
net: {kind: made, width: 4}
train: {steps: 2, batch: 64}
estimate: {draws: 0}
chain: {sweeps: 1000, thermalisation: 10, replicas: 2}
DECK
}

# judge NAME CODE WANTED: the code, and every line of tests/decks/bad/NAME.expect in the file `said` ($times times if set)
judge() {
  local name=$1 code=$2 wanted=$3 line
  cases=$((cases + 1))
  [ "$code" -eq "$wanted" ] || fail "$name" "exit code $code, not $wanted"
  while IFS= read -r line; do
    case $line in '' | exit:*) continue ;; esac
    if ! grep -qF -- "$line" said; then
      fail "$name" "the message lacks: $line"
    elif [ -n "${times:-}" ] && [ "$(grep -cF -- "$line" said)" -ne "$times" ]; then
      fail "$name" "said more than once: $line"
    fi
  done <"$4"
}

wanted_code() {
  local code
  code=$(sed -n 's/^exit: //p' "$1")
  echo "${code:-2}"
}

expect_text() { # judge with the texts given here: expect_text NAME CODE WANTED TEXT...
  local name=$1 code=$2 wanted=$3
  shift 3
  printf '%s\n' "$@" >expected
  judge "$name" "$code" "$wanted" expected
}

other_net() { # the run whose network is another one
  small >small.yaml
  "$program" run small.yaml -o other --quiet >said 2>&1 || fail other-net "the small run failed"
  cp other/run.h5 other-net.h5
}

# ---- check: one process, no network (a start of MPI costs the most) ----
check_decks() {
  local deck name
  export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self OMPI_MCA_ess_singleton_isolated=1
  other_net
  for deck in tests/decks/bad/*.yaml; do
    name=$(basename "$deck" .yaml)
    if [ ! -s "tests/decks/bad/$name.expect" ]; then
      : >said
      fail "$name" "tests/decks/bad/$name.expect is missing or empty"
      continue
    fi
    limit 60 "$program" check "$deck" >out 2>said
    judge "$name" $? "$(wanted_code "tests/decks/bad/$name.expect")" "tests/decks/bad/$name.expect"
    [ ! -s out ] || fail "$name" "something was said on standard output"
  done
  [ "$cases" -ge 40 ] || fail folder "only $cases decks"
  "$program" check absent.yaml 2>said
  expect_text absent $? 2 "cannot read absent.yaml: No such file or directory"
  "$program" check tests/decks/bad 2>said
  expect_text directory $? 2 "cannot read tests/decks/bad: it is a folder"
  small >secret.yaml
  chmod 000 secret.yaml
  if [ ! -r secret.yaml ]; then # root may read everything
    "$program" check secret.yaml 2>said
    expect_text unreadable $? 2 "cannot read secret.yaml: Permission denied"
  fi
  "$program" check small.yaml -s model.beta=1e400 -s net.wdith=3 -s app.name=x 2>said
  expect_text overrides $? 2 "-s model.beta=1e400: overflows" "-s net.wdith=3: unknown key (did you mean width?)" \
    "-s app.name=x: app is no section"
}

# ---- ranks ----
check_ranks() {
  local name
  export times=1
  for name in empty not-utf8 key-unknown many app-unknown gauge-field multispin-odd pixelcnn-complete graph-loop from-absent; do
    limit 20 "${launcher[@]}" 4 "$program" run "tests/decks/bad/$name.yaml" -o "out/$name" >/dev/null 2>said
    judge "$name" $? "$(wanted_code "tests/decks/bad/$name.expect")" "tests/decks/bad/$name.expect"
    [ ! -e out ] || fail "$name" "an output folder was left behind"
    rm -rf out
  done
  limit 20 "${launcher[@]}" 4 "$program" run absent.yaml >/dev/null 2>said
  expect_text absent $? 2 "cannot read absent.yaml: No such file or directory"
  limit 20 "${launcher[@]}" 4 "$program" run tests/decks/bad >/dev/null 2>said
  expect_text directory $? 2 "cannot read tests/decks/bad: it is a folder"
  [ ! -e runs ] || fail directory "an output folder was left behind"
}

# ---- folder ----
run_into() { # run_into FOLDER [ARGUMENT...]
  local folder=$1
  shift
  limit 30 "${launcher[@]}" 2 "$program" run small.yaml -o "$folder" --quiet "$@" >out 2>said
}

in_tmpfs() { # in_tmpfs rw|ro SIZE: run_into mounted on a file system of its own, in a private mount namespace
  # shellcheck disable=SC2016 # the inner shell expands these
  limit 60 unshare "${namespace[@]}" bash -c '
    options=$1 size=$2 program=$3; shift 3
    mount -t tmpfs -o size="$size" tmpfs mounted || exit 99
    [ "$options" = rw ] || mount -o remount,ro mounted || exit 99
    "$@" 2 "$program" run small.yaml -o mounted/run --quiet' bash "$1" "$2" "$program" "${launcher[@]}" >out 2>said
}

check_mounted() {
  local namespace=()
  mkdir mounted
  if unshare -m mount -t tmpfs tmpfs mounted 2>/dev/null; then
    namespace=(-m)
  elif unshare -rm mount -t tmpfs tmpfs mounted 2>/dev/null; then
    namespace=(-rm)
  else
    echo "no private mounts here: a full and a read-only file system are not tried"
    return
  fi
  in_tmpfs rw 12k # full when the run begins
  expect_text full-early $? 3 "cannot write mounted/run/" "No space left on device"
  in_tmpfs rw 64k # full when it ends
  expect_text full $? 3 "cannot write mounted/run/" "No space left on device"
  in_tmpfs ro 64k
  expect_text read-only $? 3 "cannot make the folder mounted/run: Read-only file system"
}

check_folders() {
  small >small.yaml
  touch file
  run_into file
  expect_text file $? 3 "cannot make the folder file: a file of that name is in the way"
  run_into file/below
  expect_text below $? 3 "cannot make the folder file/below: Not a directory"
  run_into /proc/spinet/run
  expect_text proc $? 3 "cannot make the folder /proc/spinet: No such file or directory"
  run_into taken
  expect_text first $? 0
  cp taken/run.h5 before.h5
  run_into taken
  expect_text taken $? 3 "taken/run.h5 belongs to another run: choose another folder with -o, or give --restart to continue that run, or --overwrite"
  cmp -s taken/run.h5 before.h5 || fail taken "the results of the first run were touched"
  run_into taken --overwrite
  expect_text overwrite $? 0
  mkdir locked
  chmod 555 locked
  if [ ! -w locked ]; then # root may write everywhere
    run_into locked/run
    expect_text locked $? 3 "cannot make the folder locked/run: Permission denied"
  fi
  check_mounted
}

case $part in
  check) check_decks ;;
  ranks) check_ranks ;;
  folder) check_folders ;;
  *) echo "there is no part $part" && exit 1 ;;
esac
echo "$cases cases, $failures failures"
[ "$failures" -eq 0 ]
