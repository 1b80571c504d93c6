/* farm.h: all points of a sweep in one job: the ranks in groups, each working through points that it claims.
 *
 * Claims are files in DIR/.claims-<job>, made with O_EXCL by a group's first rank: no spare rank, no message that a
 * busy rank would have to answer, and nothing that a dead rank could leave locked. With warm_start a claim is a whole
 * chain of points, so that what a point starts from never depends on the groups. Finished points are skipped, a failed
 * point is reported and the farm goes on; a rerun does what is missing, from checkpoints where there are any. SIGUSR1,
 * the wall-time limit and a file `stop` in DIR end the farm for resubmission. One farm at a time works in a folder. */
#ifndef BASE_FARM_H
#define BASE_FARM_H

#include "base/sweep.h"

/* Collective over world: checks all points, then works through them in `groups` groups. Writes a line per point and the
 * summary to f (rank 0's and the leaders'; NULL: nothing) and the summary to DIR/farm.txt. e: 0 all done; ERR_RUN some
 * failed (listed); ERR_AGAIN stopped, resubmit. *lost: a rank waits for ever, the caller must abort. */
int farm_run(MPI_Comm world, const run_options *o, long groups, const app *const *apps, FILE *f, bool *lost, err *e);

#endif
