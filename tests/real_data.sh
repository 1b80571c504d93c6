#!/bin/sh
# real_data.sh: prints the folder of real data ($SPINET_DATA, else shared/data beside the source folder or one above, where
# worktrees live); returns 77 where there is none.
source=$(cd "$(dirname "$0")/.." && pwd)
for folder in "${SPINET_DATA:-$source/../shared/data}" "${SPINET_DATA:-$source/../../shared/data}"; do
  if [ -d "$folder" ]; then
    cd "$folder" && pwd
    exit 0
  fi
done
exit 77
