# app.sh: sourced by the tests of apps (app_*.sh): a folder of their own, checks that are counted, the verdict.
dir=$(mktemp -d /tmp/spinet-app-XXXXXX) && cd "$dir" || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0 passed=0

check() { # WHAT COMMAND...: it must succeed
  what=$1
  shift
  if "$@" >out.txt 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "$what:"
    cat out.txt
  fi
}
verdict() { # the last command of the script
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
