/* check.h: the test harness. Checks never jump: each states name, value, expected, tolerance; failures are counted,
 * summed over ranks when MPI is up, and check_done prints "N passed, N failed" on rank 0 and returns the exit code. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_passed, check_failed;

static inline void check_count(int ok, const char *file, int line, const char *what) {
  if (ok) {
    check_passed++;
    return;
  }
  if (++check_failed <= 40) fprintf(stderr, "%s:%d: %s\n", file, line, what);
}
#define CHECK_REPORT(ok, ...)                         \
  do {                                                \
    char check_text[600];                             \
    snprintf(check_text, sizeof check_text, __VA_ARGS__); \
    check_count(ok, __FILE__, __LINE__, check_text);  \
  } while (0)
#define CHECK(cond) CHECK_REPORT(cond, "%s is false", #cond)
#define CHECK_INT(a, b)                               \
  do {                                                \
    long long check_a = (a), check_b = (b);           \
    CHECK_REPORT(check_a == check_b, "%s = %lld, expected %lld", #a, check_a, check_b); \
  } while (0)
#define CHECK_TEXT(a, b)                              \
  do {                                                \
    const char *check_a = (a), *check_b = (b);        \
    CHECK_REPORT(!strcmp(check_a, check_b), "%.100s = \"%.220s\", expected \"%.220s\"", #a, check_a, check_b); \
  } while (0)
/* |a-b| <= tol (absolute) */
#define CHECK_NEAR(a, b, tol)                         \
  do {                                                \
    double check_a = (a), check_b = (b), check_t = (tol); \
    CHECK_REPORT(fabs(check_a - check_b) <= check_t, "%s = %.15g, expected %.15g within %.2g", #a, check_a, check_b, check_t); \
  } while (0)
/* |a-b| <= tol |b| */
#define CHECK_REL(a, b, tol)                          \
  do {                                                \
    double check_a = (a), check_b = (b), check_t = (tol); \
    CHECK_REPORT(fabs(check_a - check_b) <= check_t * fabs(check_b), "%s = %.15g, expected %.15g within relative %.2g", #a, check_a, check_b, check_t); \
  } while (0)
/* |a-b| <= k err, err finite and positive */
#define CHECK_SIGMA(a, b, err, k)                     \
  do {                                                \
    double check_a = (a), check_b = (b), check_e = (err); \
    CHECK_REPORT(check_e > 0 && fabs(check_a - check_b) <= (k)*check_e, "%s = %.10g +- %.3g, expected %.10g: %.2f sigma", #a, check_a, check_e, check_b, (check_a - check_b) / check_e); \
  } while (0)
#define CHECK_BITS(a, b, bytes) CHECK_REPORT(!memcmp(a, b, bytes), "%s and %s differ", #a, #b)

static inline int check_done(void) {
  int up = 0, down = 0, n[2] = {check_passed, check_failed}, rank = 0;
  MPI_Initialized(&up);
  MPI_Finalized(&down);
  if (up && !down) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Allreduce(MPI_IN_PLACE, n, 2, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Finalize();
  }
  if (!rank) printf("%d passed, %d failed\n", n[0], n[1]);
  return n[1] || !n[0];
}
#endif
