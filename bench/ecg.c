/* ecg.c: simulated 12-lead ECGs per second and how long it takes to measure one, at 100 and 500 Hz, beside the floor of
 * drawing the noise only (eight normal numbers per sample). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "signals/ecg_sim.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double noise_only(long n, int records) {
  static double z[256];
  rng r = rng_stream(1, "floor");
  double t = now();
  for (int i = 0; i < records; i++)
    for (uint32_t k = 0; k < ECG_INDEPENDENT; k++)
      for (long j = 0; j < n; j += 256) rng_normal_pairs(r, (uint64_t)j, 256, k, (uint32_t)i, z, NULL);
  return (now() - t) / records;
}

int main(void) {
  const double rates[] = {100, 500};
  enum { RECORDS = 100 };
  printf("%-8s %12s %12s %8s %14s\n", "rate", "draw ms", "floor ms", "ratio", "measure ms");
  for (int i = 0; i < 2; i++) {
    ecg_sim_conf c = ecg_sim_default;
    ecg_record *r;
    ecg_intervals v;
    err e = {0};
    double draw = 0, measure = 0;
    c.rate = rates[i];
    if (ecg_record_new(&r, &c, &e)) return fprintf(stderr, "%s\n", e.text), 1;
    for (uint64_t k = 0; k < RECORDS; k++) {
      double t = now();
      ecg_sim_draw(&c, k, r);
      draw += (now() - t) / RECORDS, t = now();
      ecg_measure(ECG_LEADS, r->samples, c.rate, r->signal, 0, 1, &v, &e);
      measure += (now() - t) / RECORDS;
    }
    double floor_s = noise_only(r->samples, RECORDS);
    printf("%-8.0f %12.2f %12.2f %8.1f %14.2f\n", c.rate, 1e3 * draw, 1e3 * floor_s, draw / floor_s, 1e3 * measure);
    ecg_record_free(r);
  }
  return 0;
}
