/* test_eit_patient.c: tissues against the printed table, lungs and circulation against closed forms. */
#include "eit_fixture.h"
#include "signals/eit_clinical.h"
#include "signals/eit_heart.h"
#include "signals/eit_lung.h"
#include "signals/eit_patient.h"
#include "signals/eit_tissue.h"

static void tissues(void) {
  static const double table[10][3] = {{.1027, .1074, .1129}, {.2620, .2716, .2835}, {.7008, .7029, .7103},
                                      {.3518, .3618, .3841}, {.1954, .2151, .2382}, {.0242, .0244, .0246},
                                      {.0433, .0434, .0435}, {.0206, .0208, .0211}, {.0834, .0839, .0846},
                                      {.0720, .0846, .1052}};
  for (int i = 0; i < 10; i++)
    for (int k = 0; k < 3; k++)
      CHECK_NEAR(eit_tissue_conductivity(eit_tissues + i, 5e4 * (1 << k)), table[i][k], 5.01e-5);
  CHECK(eit_tissues[10].name == NULL && eit_tissue_find("blood") == eit_tissues + 2 && !eit_tissue_find("stone"));
  CHECK_NEAR(eit_bubbles(.35, .6, 3), .35 * .8 / 2.6, 1e-15);
  CHECK_NEAR(eit_bubbles(.35, .6, 2), .35 * .4 / 1.6, 1e-15);
  CHECK_NEAR(eit_bubbles(.35, 0, 3), .35, 0);
  CHECK_NEAR(eit_lung_conductivity(.3, .7, .25, 3, 2, 3), eit_bubbles(.4, .6, 3), 1e-15);
}

enum { T = 4000 };
static double volume[T], flow[T], airway[T], es[T], tp[T], part[T * 2];
static eit_lung_series series = {volume, flow, airway, es, tp, NULL};

static void pressure_controlled(void) {
  eit_lung l = {.mode = EIT_PRESSURE,
                .n = 1,
                .resistance = {10},
                .elastance = {1 / 50.},
                .peep = 5,
                .drive = 15,
                .ti = 1,
                .te = 2,
                .chest_elastance = .006,
                .pes0 = 8};
  err e = {0};
  double high, low;
  eit_lung_pressure_controlled(l.elastance[0], 10, 15, 1, 2, &high, &low);
  CHECK_NEAR(high, 650.110, 5e-4);
  CHECK_NEAR(low, 11.907, 5e-4);
  CHECK_NEAR(low / 50, .23814, 5e-6);
  fixture_fine(eit_lung_simulate(&l, rng_stream(1, "lung"), 0, 60, 100, 900, &series, &e),
               &e); /* from a start of inspiration */
  for (int i = 0; i < 900; i++) {
    double t = fmod(i / 100. + 1e-9, 3) - 1e-9, tau = .5;
    double v = t < 1 ? 750 * (1 - exp(-t / tau)) + low * exp(-t / tau) : high * exp(-(t - 1) / tau);
    CHECK_REL(volume[i], v, 1e-8);
    CHECK_NEAR(airway[i], t < 1 ? 20 : 5, 1e-12);
    CHECK_NEAR(airway[i], 10e-3 * flow[i] + volume[i] / 50 + 5, 1e-9);
    CHECK_NEAR(tp[i], airway[i] - (8 + .006 * volume[i]), 1e-12);
  }
}

/* Resistance and compliance come back from the waveform: peak, plateau, flow. */
static void volume_controlled(void) {
  eit_lung l = {.mode = EIT_VOLUME,
                .n = 1,
                .resistance = {12},
                .elastance = {1 / 40.},
                .peep = 8,
                .tidal = 480,
                .ti = 1,
                .pause = .5,
                .te = 8.5}; /* long: 17 time constants leave nothing behind */
  err e = {0};
  fixture_fine(eit_lung_simulate(&l, rng_stream(1, "lung"), 0, 100, 1000, 3000, &series, &e), &e);
  double peak = airway[999] + (airway[999] - airway[998]), plateau = airway[1200], q = flow[500];
  CHECK_REL(q, 480, 1e-9);
  CHECK_REL((peak - plateau) / (1e-3 * q), 12, 1e-7);
  CHECK_REL(480 / (plateau - 8), 40, 1e-7);
  CHECK_NEAR(flow[1200], 0, 1e-9);
  CHECK_REL(volume[2000], 480 * exp(-.5 / .48), 1e-7);
}

/* Two equal compartments are one; unequal ones exchange gas in the pause (pendelluft). */
static void compartments(void) {
  eit_lung one = {.mode = EIT_VOLUME,
                  .n = 1,
                  .resistance = {10},
                  .elastance = {.02},
                  .peep = 5,
                  .tidal = 500,
                  .ti = 1,
                  .pause = .4,
                  .te = 2},
           two = one;
  err e = {0};
  double keep[600];
  two.n = 2, two.resistance[0] = two.resistance[1] = 20, two.elastance[0] = two.elastance[1] = .04;
  fixture_fine(eit_lung_simulate(&one, rng_stream(1, "lung"), 0, 30, 50, 600, &series, &e), &e);
  memcpy(keep, airway, sizeof keep);
  series.compartment = part;
  fixture_fine(eit_lung_simulate(&two, rng_stream(1, "lung"), 0, 30, 50, 600, &series, &e), &e);
  for (int i = 0; i < 600; i++) CHECK_NEAR(airway[i], keep[i], 1e-8);
  two.resistance[1] = 60;
  fixture_fine(eit_lung_simulate(&two, rng_stream(1, "lung"), 0, 34 * 3, 50, 600, &series, &e), &e);
  double moved = part[2 * 65] - part[2 * 51];
  CHECK(moved < -5); /* mL, out of the fast compartment while the airway is shut */
  CHECK_NEAR(moved + part[2 * 65 + 1] - part[2 * 51 + 1], 0, 1e-8);
  series.compartment = NULL;
}

static void effort(void) {
  eit_lung l = {.mode = EIT_SPONTANEOUS,
                .n = 1,
                .resistance = {8},
                .elastance = {.02},
                .peep = 0,
                .ti = 1,
                .te = 2.5,
                .effort = 8,
                .effort_tau = .4,
                .chest_elastance = .005,
                .pes0 = -5,
                .variation = .05};
  err e = {0};
  fixture_fine(eit_lung_simulate(&l, rng_stream(3, "lung"), 7, 20, 50, 1500, &series, &e), &e);
  double most = 0, sum = 0;
  for (int i = 0; i < 1500; i++) most = fmax(most, volume[i]), sum += flow[i] / 50;
  CHECK(most > 150 && most < 500);
  CHECK_NEAR(sum, volume[1499] - volume[0], 20);
  double again = volume[777];
  fixture_fine(eit_lung_simulate(&l, rng_stream(3, "lung"), 7, 20, 50, 1500, &series, &e), &e);
  CHECK(volume[777] == again);
  fixture_fine(eit_lung_simulate(&l, rng_stream(3, "lung"), 8, 20, 50, 1500, &series, &e), &e);
  CHECK(volume[777] != again);
  l.elastance[0] = 0;
  CHECK_INT(eit_lung_simulate(&l, rng_stream(3, "lung"), 8, 20, 50, 1500, &series, &e), ERR_RUN);
}

/* The first breath from empty lungs: tau dV/dt + V = C (drive + effort (1 - exp(-t/te))) has this solution. */
static void supported(void) {
  for (int mode = EIT_SUPPORT; mode <= EIT_SPONTANEOUS; mode++) {
    eit_lung l = {.mode = (eit_ventilation)mode,
                  .n = 1,
                  .resistance = {12},
                  .elastance = {1 / 45.},
                  .peep = 6,
                  .drive = 9,
                  .ti = 1.2,
                  .te = 2,
                  .effort = 7,
                  .effort_tau = .35,
                  .chest_elastance = .007,
                  .pes0 = 8};
    err e = {0};
    double C = 45, tau = .54, te = .35, drive = mode == EIT_SUPPORT ? 9 : 0, end = 0;
    fixture_fine(eit_lung_simulate(&l, rng_stream(1, "lung"), 0, 0, 100, 320, &series, &e), &e);
    for (int i = 0; i < 320; i++) {
      double t = i / 100., u = t - 1.2, top = 7 * (1 - exp(-fmin(t, 1.2) / te));
      double v = C * drive * (1 - exp(-t / tau)) +
                 C * 7 * (1 - exp(-t / tau) - te / (te - tau) * (exp(-t / te) - exp(-t / tau)));
      if (i == 120) end = v;
      if (i > 120) { /* the effort decays twice as fast as it rose, the support is gone */
        double half = te / 2, a = C * 7 * (1 - exp(-1.2 / te)) * half / (half - tau);
        v = end * exp(-u / tau) + a * (exp(-u / half) - exp(-u / tau));
      }
      CHECK_NEAR(volume[i], v, 1e-7);
      CHECK_NEAR(airway[i], 6 + (i < 120 ? drive : 0), 1e-12);
      CHECK_NEAR(es[i], 8 + .007 * volume[i] - (i > 120 ? top * exp(-u / (te / 2)) : top), 1e-9);
    }
  }
}

/* The periodic solution of dy/dt + k y = f sin wt while the heart ejects, then = 0. */
static double periodic(const eit_heart *h, double k, double f, double t) {
  double w = FIXTURE_PI / h->systole, n = k * k + w * w, A = f * k / n, B = -f * w / n;
  double K = B * (1 + exp(-k * (h->period - h->systole))) / (exp(-k * h->period) - 1);
  if (t < h->systole) return A * sin(w * t) + B * cos(w * t) + K * exp(-k * t);
  return (K * exp(-k * h->systole) - B) * exp(-k * (t - h->systole));
}

/* Arterial pressure of two, three and four elements, the periodic beat. */
static double windkessel(const eit_heart *h, double t) {
  double w = FIXTURE_PI / h->systole, q = h->stroke * w / 2, k = h->inertance > 0 ? h->impedance / h->inertance : 0;
  double in = t < h->systole ? q * sin(w * t) : 0, by = k > 0 ? periodic(h, k, k * q, t) : 0;
  return periodic(h, 1 / (h->resistance * h->compliance), q / h->compliance, t) + h->impedance * (in - by);
}

static void circulation(void) {
  eit_heart h = {.stroke = 70, .period = .8, .systole = .3, .resistance = 1, .compliance = 1.3, .impedance = .05};
  err e = {0};
  double *p = volume, top = 0, low = 1e9, mean = 0, *ejected = flow;
  CHECK_NEAR(eit_heart_diastolic(&h), 71.155121, 5e-7);
  fixture_fine(eit_heart_simulate(&h, rng_stream(1, "heart"), 0, 80, 5000, 4000, NULL, p, ejected, &e), &e);
  for (int i = 0; i < 4000; i++) top = fmax(top, p[i]), low = fmin(low, p[i]), mean += p[i] / 4000;
  CHECK_NEAR(top, 115.687, 1e-3);
  CHECK_NEAR(low, 71.155121, 1e-6);
  for (int elements = 2; elements <= 4; elements++) {
    h.impedance = elements > 2 ? .05 : 0, h.inertance = elements > 3 ? .005 : 0, mean = 0;
    fixture_fine(eit_heart_simulate(&h, rng_stream(1, "heart"), 0, 80, 5000, 4000, NULL, p, NULL, &e), &e);
    for (int i = 0; i < 4000; i++) mean += p[i] / 4000;
    for (int i = 0; i < 4000; i++) CHECK_REL(p[i], windkessel(&h, i / 5000.), 1e-8);
    if (elements != 3) CHECK_NEAR(mean, 70 / .8, 2e-2); /* there is no steady drop over the inertance */
  }
  static double wave[2000]; /* breaths of 4.2 s against beats of .8 s */
  for (int i = 0; i < 2000; i++) wave[i] = sin(2 * FIXTURE_PI * i / 210.);
  /* strokes and beats follow breathing: 10 s of it at 50 frames per second */
  h.inertance = 0, h.swing = .08, h.arrhythmia = .05;
  fixture_fine(eit_heart_simulate(&h, rng_stream(1, "heart"), 0, 5, 50, 2000, wave, p, ejected, &e), &e);
  double least = 1e9, most = 0, shortest = 1e9, longest = 0;
  for (int i = 1, last = 0; i < 2000; i++) {
    if (ejected[i] >= ejected[i - 1]) continue; /* a beat begins */
    double stroke = ejected[i - 1] / 70, beat = (i - last) / 50.;
    least = fmin(least, stroke), most = fmax(most, stroke);
    if (last) shortest = fmin(shortest, beat), longest = fmax(longest, beat);
    last = i;
  }
  CHECK_REPORT(least >= .92 - 1e-9 && least < .93 && most <= 1.08 + 1e-9 && most > 1.07, "strokes %g to %g", least,
               most);
  CHECK(shortest >= .8 * .95 - .02 && shortest < .8 * .95 + .021 && longest <= .8 * 1.05 + .02 && longest > .82);
  h.variation = .02;
  fixture_fine(eit_heart_simulate(&h, rng_stream(1, "heart"), 4, 5, 50, 2000, wave, p, NULL, &e), &e);
  for (int i = 0; i < 2000; i++) CHECK(p[i] > 50 && p[i] < 150);
}

/* ---- whole patients ---- */

static double swing(int n, const double *x, int stride) {
  double low = INFINITY, high = -INFINITY;
  for (int i = 0; i < n; i++) low = fmin(low, x[(long)i * stride]), high = fmax(high, x[(long)i * stride]);
  return high - low;
}

static double correlation(int n, const double *x, const double *y) {
  double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
  for (int i = 0; i < n; i++) mx += x[i] / n, my += y[i] / n;
  for (int i = 0; i < n; i++)
    xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my), xy += (x[i] - mx) * (y[i] - my);
  return xy / sqrt(xx * yy);
}

static eit_patient_series *simulate(const eit_patient_spec *s, int64_t index, int nframes, eit_patient *p,
                                    eit_protocol *q) {
  err e = {0};
  eit_mesh *m = NULL;
  eit_patient_series *out = NULL;
  eit_patient_draw(s, 11, index, p);
  if (fixture_fine(eit_patient_mesh(s, p, .02, &m, &e), &e))
    fixture_fine(eit_patient_simulate(s, p, m, q, 11, index, nframes, &out, &e), &e);
  eit_mesh_free(m);
  return out;
}

/* Impedance follows volume, the heart is there, noise is of the ordered size, reciprocity is broken as in machines. */
static void whole_patients(void) {
  enum { FRAMES = 400, DATA = 208 };
  eit_patient_spec s = eit_patient_defaults();
  eit_protocol *q;
  err e = {0};
  fixture_fine(eit_protocol_pairs(&q, 16, 1, true, 1, &e), &e);
  for (int mode = EIT_VOLUME; mode <= EIT_SPONTANEOUS; mode++) {
    eit_patient p;
    s.mode = (eit_ventilation)mode;
    eit_patient_series *a = simulate(&s, mode, FRAMES, &p, q);
    if (!a) continue;
    double sum[FRAMES], noise = 0, size = 0, mean[DATA] = {0};
    for (int t = 0; t < FRAMES; t++) {
      sum[t] = 0;
      for (int d = 0; d < DATA; d++) {
        double v = a->clean[t * DATA + d], w = a->v[t * DATA + d];
        sum[t] += fabs(v), mean[d] += w / FRAMES;
        CHECK(v < 0);
      }
    }
    double c = correlation(FRAMES, sum, a->lung.volume), cardiac = 0;
    for (int t = 1; t + 1 < FRAMES; t++) /* white noise from second differences of one datum */
      noise += pow(a->v[(t - 1) * DATA] - 2 * a->v[t * DATA] + a->v[(t + 1) * DATA] -
                       (a->clean[(t - 1) * DATA] - 2 * a->clean[t * DATA] + a->clean[(t + 1) * DATA]),
                   2) /
               6 / (FRAMES - 2);
    for (long i = 0; i < (long)FRAMES * DATA; i++) size += a->clean[i] * a->clean[i] / FRAMES / DATA;
    cardiac = swing(FRAMES, a->heart_sigma, 1);
    double reciprocity = eit_protocol_reciprocity(q, mean);
    printf(
        "patient %d: volume swing %.0f mL, lung conductivity %.3f to %.3f S/m, correlation of |V| with volume %.4f, "
        "pressure "
        "%.0f mmHg +- %.0f, noise of the largest datum %.1f dB, reciprocity error %.2f %%\n",
        mode, swing(FRAMES, a->lung.volume, 1), a->lobe_sigma[0],
        a->lobe_sigma[0] - swing(FRAMES, a->lobe_sigma, EIT_LOBES), c, a->arterial[0],
        swing(FRAMES, a->arterial, 1) / 2, -10 * log10(noise / size), 100 * reciprocity);
    CHECK(c > .9); /* the beating heart is in it */
    CHECK(cardiac > .01 && swing(FRAMES, a->arterial, 1) > 20);
    CHECK(a->lobe_sigma[0] > .03 && a->lobe_sigma[0] < .25);
    CHECK(reciprocity > .001 && reciprocity < .03);
    double expected = sqrt(size) * 1e-3, own = fabs(mean[0]) * 1e-3; /* additive and multiplicative */
    CHECK_REL(sqrt(noise), hypot(expected, own), .15);
    CHECK_NEAR(a->lung.transpulmonary[9], a->lung.airway[9] - a->lung.oesophageal[9], 1e-12);
    eit_patient_series_free(a);
  }
  eit_protocol_free(q);
}

/* Conductivity of the lobes is that of their gas, and of the pulse of blood where hearts can be seen; a heart that
 * cannot be seen beats on. The first electrode is at the front, turned with the belt. */
static void gas_and_blood(void) {
  enum { FRAMES = 200 };
  eit_patient_spec s = eit_patient_defaults();
  eit_protocol *q;
  eit_patient p;
  err e = {0};
  fixture_fine(eit_protocol_pairs(&q, 16, 1, true, 1, &e), &e);
  eit_patient_series *seen = simulate(&s, 3, FRAMES, &p, q);
  s.heart_still = true;
  eit_patient_series *still = simulate(&s, 3, FRAMES, &p, q);
  if (seen && still) {
    double dry = eit_tissue_conductivity(eit_tissue_find("lung-deflated"), 1e5), beat[FRAMES],
           blood = eit_tissue_conductivity(eit_tissue_find("blood"), 1e5), gas = p.gas / 4, wet = p.wet / 4;
    double tidal = eit_lung_conductivity(dry, blood, p.blood, gas, wet, 2) -
                   eit_lung_conductivity(dry, blood, p.blood, gas + p.lung.tidal / 4, wet, 2);
    for (long i = 0; i < FRAMES * EIT_LOBES; i++)
      CHECK_REL(still->lobe_sigma[i],
                eit_lung_conductivity(dry, blood, p.blood, gas + still->lung.compartment[i], wet, 2), 1e-13);
    for (long i = 0; i < FRAMES; i++) {
      beat[i] = seen->lobe_sigma[i * EIT_LOBES] - still->lobe_sigma[i * EIT_LOBES];
      CHECK(still->arterial[i] == seen->arterial[i] && still->heart_sigma[i] == still->heart_sigma[0]);
    }
    double found = swing(FRAMES, beat, 1) / tidal; /* that of rest; less when the lung holds more gas */
    CHECK_REPORT(found <= p.pulse * (1 + 1e-12) && found > .8 * p.pulse, "cardiac over tidal change %g, ordered %g",
                 found, p.pulse);
  }
  eit_patient_series_free(seen), eit_patient_series_free(still), eit_protocol_free(q);
  eit_mesh *m = NULL;
  double x = 0, y = 0;
  if (fixture_fine(eit_patient_mesh(&s, &p, .02, &m, &e), &e))
    for (int k = 0; k < m->nfaces; k++)
      for (int end = 0; end < 2 && m->face_electrode[k] == 0; end++)
        x += m->x[2L * m->face[2 * k + end]], y += m->x[2L * m->face[2 * k + end] + 1];
  CHECK(fabs(p.turn) > .005);
  CHECK_NEAR(atan2(y, x), FIXTURE_PI / 2 + p.turn, 2e-3);
  eit_mesh_free(m);
}

/* Drift alone: gains walk by `drift` per root of a second, each amplifier by itself, all data by the means of their
 * two. Pops alone: so many per minute, each a step of one amplifier that decays in a second. */
static void noises(void) {
  enum { FRAMES = 2000, DATA = 208, L = 16, PEOPLE = 10 };
  const double rate = 20;
  eit_protocol *q;
  err e = {0};
  fixture_fine(eit_protocol_pairs(&q, L, 1, true, 1, &e), &e);
  double *v = malloc(sizeof *v * FRAMES * DATA), walk = 0, events = 0, decay = 0, n = 0;
  for (int who = 0; who < PEOPLE; who++) {
    for (int kind = 0; kind < 2; kind++) {
      eit_noise noise = {.drift = kind ? 0 : 1e-4, .pops = kind ? 12 : 0};
      for (long i = 0; i < (long)FRAMES * DATA; i++) v[i] = 1;
      eit_noise_add(&noise, q, rate, 3, who, FRAMES, v);
      for (int d = 0; d < DATA; d++)
        for (int k = d + 1; k < DATA && k < d + 40; k++) /* gains belong to amplifiers, whatever is driven */
          if (q->meas[d] == q->meas[k]) CHECK(v[77L * DATA + d] == v[77L * DATA + k]);
      if (!kind)
        for (int d = 0; d < 13; d++) walk += pow((v[(FRAMES - 1L) * DATA + d] - v[d]) / 1e-4, 2);
      for (int t = 1; t + 20 < FRAMES && kind; t++) {
        double jump = 0, then = 0;
        for (int d = 0; d < DATA; d++) {
          double now = v[(long)t * DATA + d] - 1, before = v[(t - 1L) * DATA + d] - 1;
          if (fabs(now - before * exp(-1 / rate)) > fabs(jump))
            jump = now - before * exp(-1 / rate), then = v[(t + 20L) * DATA + d] - 1 - before * exp(-21 / rate);
        }
        if (fabs(jump) > 1e-3) events++;
        if (fabs(jump) > .02) decay += then / jump, n++;
      }
    }
  }
  double seconds = (FRAMES - 1) / rate;
  printf("noise: a datum drifts by %.3f of the walk's %.3f, %.0f pops in %.0f min, %.3f of one left after a second\n",
         sqrt(walk / (13 * PEOPLE * seconds)), sqrt(.5), events, PEOPLE * FRAMES / rate / 60, decay / n);
  /* 13 neighbouring pairs of 16 amplifiers, PEOPLE times: about 8 PEOPLE independent squares */
  CHECK_SIGMA(walk / (13 * PEOPLE * seconds), .5, .5 * sqrt(2. / (8 * PEOPLE)), 5);
  double expected = 12. * PEOPLE * (FRAMES - 21) / rate / 60 * erfc(.04 / sqrt(2)); /* those of more than .04 sd */
  CHECK_SIGMA(events, expected, sqrt(expected), 5);
  CHECK_NEAR(decay / n, exp(-1), .1);
  free(v), eit_protocol_free(q);
}

/* A patient does not depend on who else is simulated; the mean patient is no one. */
static void counters(void) {
  eit_patient_spec s = eit_patient_defaults();
  eit_patient a, b, mean, other;
  err e = {0};
  eit_patient_draw(&s, 5, 3, &a);
  eit_patient_draw(&s, 5, 4, &other);
  eit_patient_draw(&s, 5, 3, &b);
  eit_patient_draw(&s, 5, -1, &mean);
  CHECK_BITS(&a, &b, sizeof a);
  CHECK(a.radius != other.radius && a.lung.pes0 != other.lung.pes0);
  CHECK_REL(mean.radius, .135, 1e-12);
  CHECK(mean.turn == 0 && mean.lung.pes0 == 8 && mean.lung.variation == 0);
  double pes = 0, pes2 = 0, ratio[2] = {1, 0};
  for (int i = 0; i < 2000; i++) {
    eit_patient_draw(&s, 5, i, &b);
    double stiff = 0;
    for (int k = 0; k < EIT_LOBES; k++) stiff += 1 / b.lung.elastance[k];
    double lung = 1 - b.lung.chest_elastance * stiff;
    ratio[0] = fmin(ratio[0], lung), ratio[1] = fmax(ratio[1], lung);
    pes += b.lung.pes0 / 2000, pes2 += b.lung.pes0 * b.lung.pes0 / 2000;
    CHECK(b.lung.te > .5 && b.lung.ti > .5);
  }
  CHECK_SIGMA(pes, 8, 3 / sqrt(2000.), 5);
  CHECK_SIGMA(sqrt(pes2 - pes * pes), 3, 3 / sqrt(4000.), 5);
  CHECK(ratio[0] >= .6 - 1e-9 && ratio[0] < .605 && ratio[1] <= .8 + 1e-9 && ratio[1] > .795);
  eit_mesh *m = NULL; /* all parts of the body are in the mesh */
  fixture_fine(eit_patient_mesh(&s, &a, .012, &m, &e), &e);
  int *organ = malloc((size_t)m->nelems * sizeof *organ), seen[EIT_LUNG + EIT_LOBES] = {0};
  eit_patient_organs(&a, m, organ);
  for (int k = 0; k < m->nelems; k++) seen[organ[k]]++;
  for (int k = 0; k < EIT_LUNG + EIT_LOBES; k++) CHECK_REPORT(seen[k] > 3, "organ %d has %d elements", k, seen[k]);
  free(organ), eit_mesh_free(m);
}

int main(void) {
  counters();
  whole_patients();
  noises();
  gas_and_blood();
  tissues();
  pressure_controlled();
  volume_controlled();
  compartments();
  effort();
  supported();
  circulation();
  return check_done();
}
