/* test_eit_app.c: recordings of simulated patients as images: what is drawn moves with the lungs and shows organs where
 * they are; windows, scales and lag of app eit; networks beside each other are those built alone; a stream of single
 * frames gives the answers of the whole recording, and layers that look ahead are refused; where evidence lies. */
#include <math.h>

#include "apps/eit.h"
#include "nn/stream.h"
#include "tests/check.h"

enum { SIZE = 16, FRAMES = 100, PATIENTS = 6 };
static err e;
static const eit_ensemble_conf conf = {.seconds = 5,
                                       .slowest = 10,
                                       .fastest = 25,
                                       .reference = 6,
                                       .rate = 20,
                                       .noise = 60,
                                       .multiplicative = 1e-3,
                                       .gain = 3e-3,
                                       .drift = 1e-4,
                                       .h = .025};
static const eit_imager_conf seen = {.size = SIZE, .prior = 1, .noise_figure = .5, .h = .03};

static eit_data record(void) {
  eit_imager *m = NULL;
  CHECK(!eit_imager_new(&m, &conf, &seen, &e));
  eit_data d = {.n = PATIENTS, .rate = 20, .l = eit_layout_of(FRAMES, m->raster->n, SIZE)};
  d.all = malloc(sizeof *d.all * PATIENTS * d.l.row), d.place = malloc(sizeof *d.place * (size_t)d.l.pixels);
  memcpy(d.place, m->raster->place, sizeof *d.place * (size_t)d.l.pixels);
  for (long i = 0; i < PATIENTS; i++)
    CHECK_REPORT(!eit_ensemble_record(m, &conf, &d.l, 1, i, d.all + (size_t)i * d.l.row, &e), "%.500s", e.text);
  float *again = malloc(sizeof *again * d.l.row);
  CHECK(!eit_ensemble_record(m, &conf, &d.l, 1, 3, again, &e));
  CHECK(!memcmp(again, d.all + 3 * d.l.row, sizeof *again * d.l.row));
  free(again), eit_imager_free(m);
  return d;
}

/* Voltages between 34 solved points against those solved at every frame: the error in units of the noise at 60 dB. */
static void interpolation(void) {
  eit_patient_spec s = eit_patient_defaults();
  eit_protocol *protocol = NULL;
  double worst = 0;
  CHECK(!eit_protocol_pairs(&protocol, 16, 1, true, 1, &e));
  for (int who = 0; who < 4; who++) {
    eit_patient p;
    eit_mesh *m = NULL;
    eit_patient_series *every = NULL, *between = NULL;
    eit_patient_draw(&s, 7, who, &p);
    s.interpolate = false;
    CHECK(!eit_patient_mesh(&s, &p, .025, &m, &e) &&
          !eit_patient_simulate(&s, &p, m, protocol, 7, who, 100, &every, &e));
    s.interpolate = true;
    CHECK(!eit_patient_simulate(&s, &p, m, protocol, 7, who, 100, &between, &e));
    for (long i = 0; i < 100L * protocol->ndata; i++)
      worst = fmax(worst, fabs(between->clean[i] / every->clean[i] - 1));
    eit_patient_series_free(every), eit_patient_series_free(between), eit_mesh_free(m);
  }
  printf("interpolated voltages: error of %.2g of the noise at most\n", worst);
  CHECK(worst > 0 && worst < 1e-3);
  eit_protocol_free(protocol);
}

/* Lungs hold gas, which conducts less: their pixels fall as volume rises, more than those outside. */
static void images(const eit_data *d) {
  for (long i = 0; i < PATIENTS; i++) {
    const float *x = eit_images(d, i), *organ = x + d->l.organ;
    int high = 0, low = 0, lungs = 0, others = 0;
    double inside = 0, outside = 0;
    for (int t = 0; t < FRAMES; t++) {
      high = eit_truth(d, i, t, EIT_T_VOLUME) > eit_truth(d, i, high, EIT_T_VOLUME) ? t : high;
      low = eit_truth(d, i, t, EIT_T_VOLUME) < eit_truth(d, i, low, EIT_T_VOLUME) ? t : low;
    }
    for (int p = 0; p < d->l.pixels; p++) {
      double change = (double)(x[high * d->l.pixels + p] - x[low * d->l.pixels + p]);
      int o = (int)organ[d->place[p]];
      CHECK(o >= EIT_MUSCLE && o < EIT_LUNG + EIT_LOBES);
      if (o >= EIT_LUNG) inside += change, lungs++;
      if (o < EIT_LUNG) outside += change, others++;
    }
    CHECK_REPORT(inside / lungs < 3 * fmin(0, outside / others) && inside < 0, "patient %ld: lungs %g, others %g", i,
                 inside / lungs, outside / others);
    CHECK(organ[0] == -1 && lungs > d->l.pixels / 6);
  }
}

static void scales(const eit_data *d) {
  eit_task_conf c = {
      .truth = {1, 1, 1, 1, 1}, .rest = true, .block = 4, .folds = 3, .fold = 1, .window = 30, .shuffled = true};
  eit_task t;
  eit_set train, test;
  CHECK(!eit_task_new(&t, d, &c, &e) && t.branches == 4 && t.outputs == 7);
  CHECK(!eit_set_new(&train, &t, 2, 2, 30, true, &e) && !eit_set_new(&test, &t, 0, 0, 0, false, &e));
  CHECK(train.patients == 2 && train.patient[0] == 0 && train.patient[1] == 3);
  CHECK(test.patients == 2 && test.patient[0] == 1 && test.frames == FRAMES && train.frames == 30);
  double sum[2] = {0}, square[2] = {0}, n = 2 * FRAMES;
  for (int i = 0; i < 2; i++)
    for (int f = 0; f < FRAMES; f++) {
      double volume = eit_wanted(&t, train.patient[i], f, EIT_T_VOLUME), own = eit_wanted(&t, 1, f, EIT_T_ARTERIAL);
      sum[0] += volume, square[0] += volume * volume, sum[1] += own, square[1] += own * own;
    }
  CHECK_NEAR(sum[0] / n, 0, 1e-9);
  CHECK_NEAR(square[0] / n, 1, 1e-9);
  CHECK_NEAR(sum[1] / n, 0, 1e-9);
  CHECK_NEAR(square[1] / n, 1, 1e-9);
  t.c.lag = 2;
  CHECK(isnan(eit_wanted(&t, 0, 1, EIT_T_FLOW)));
  double flow = (double)eit_truth(d, 4, 48, EIT_T_FLOW);
  CHECK_NEAR(t.mean[EIT_T_FLOW] + t.sd[EIT_T_FLOW] * eit_wanted(&t, 4, 50, EIT_T_FLOW), flow, 1e-6 * fabs(flow) + 1e-6);
  eit_set_free(&train), eit_set_free(&test), eit_task_free(&t);
}

/* Attributions put into one organ and one part of the breath are found there, whatever the layout of the input; what is
 * negative does not count. Breaths of 40 frames, 16 of them inspiration. */
static void evidence(const eit_data *d) {
  eit_data made = {.n = 1, .rate = d->rate, .l = d->l, .place = d->place, .all = malloc(sizeof(float) * d->l.row)};
  memcpy(made.all, eit_images(d, 1), sizeof(float) * d->l.row);
  for (int f = 0; f < FRAMES; f++) {
    int at = (f + 30) % 40;
    made.all[d->l.truth + (size_t)f * EIT_TRUTHS + EIT_T_VOLUME] = (float)(at < 16 ? at / 16. : (40 - at) / 24.);
  }
  for (int square = 0; square < 2; square++) {
    eit_task_conf c = {.truth = {1}, .rest = true, .block = 4, .folds = 3, .square = square};
    eit_task t;
    CHECK(!eit_task_new(&t, &made, &c, &e));
    const eit_branch *b = &t.branch[0];
    const float *organ = made.all + d->l.organ;
    size_t each = square ? (size_t)(b->channels / (SIZE * SIZE)) : 1, step = 3;
    nn_real *a = calloc((size_t)FRAMES * (size_t)b->channels * step, sizeof *a);
    double *map = malloc(sizeof *map * (size_t)d->l.pixels), in = 0, time = 0, area = 0;
    for (int where = 0; where < 2; where++) { /* the lungs at the start of inspiration, the heart in expiration */
      for (int f = 0; f < FRAMES; f++)
        for (int k = 0; k < d->l.pixels; k++) {
          int at = (f + 30) % 40, o = (int)organ[d->place[k]];
          bool hit = where ? (o == EIT_HEART || o == EIT_AORTA) && at >= 16 : o >= EIT_LUNG && at < 2;
          a[((size_t)f * b->channels + (square ? (size_t)d->place[k] * each : (size_t)k)) * step] =
              hit ? 1 : (nn_real)-.001;
        }
      eit_evidence v;
      CHECK(!eit_evidence_of(&t, b, 0, a, step, map, &v, &e));
      CHECK_NEAR(v.mass[where], 1, 1e-12);
      CHECK_NEAR(v.mass[!where], 0, 1e-12);
      for (int k = in = time = 0; k < EIT_PHASES; k++) in += k < 8 ? v.phase[k] : 0, time += k < 8 ? v.time[k] : 0;
      CHECK_NEAR(in, !where, 1e-12);
      CHECK_NEAR(v.phase[0], !where, 1e-12);
      CHECK_NEAR(time, .4, 1e-12);
      for (int k = area = 0; k < d->l.pixels; k++) area += organ[d->place[k]] >= EIT_LUNG;
      CHECK_NEAR(v.area[0], area / d->l.pixels, 1e-9);
    }
    free(a), free(map), eit_task_free(&t);
  }
  free(made.all);
}

static const deck_section schema[] = {{.name = "net", .keys = nn_nets_keys, .kinds = nn_nets, .kind_def = "gru"}, {0}};

static nn_graph *built(const char *net, int count, const nn_net_task *task) {
  char text[300];
  deck *d = NULL;
  nn_graph *g = NULL;
  snprintf(text, sizeof text, "app: x\nnet: %s\n", net);
  CHECK_REPORT(!deck_parse(&d, "deck", text, strlen(text), NULL, 0, schema, &e), "%.500s", e.text);
  CHECK_REPORT(!nn_nets_beside(&g, count, task, d, &e), "%.500s", e.text);
  deck_free(d);
  return g;
}

/* Answers of the whole recording of patient i, (FRAMES, outputs); frame by frame where `stream`. */
static void answers(const eit_task *t, const char *net, long i, bool stream, nn_real *y) {
  nn_net_task task[EIT_BRANCHES];
  nn_plan *p = NULL;
  nn_frame *f = NULL;
  nn_stream *s = NULL;
  eit_nets(t, stream ? 1 : FRAMES, task);
  nn_graph *g = built(net, t->branches, task);
  nn_real *theta = nn_alloc(g->nparam * sizeof *theta), *state = nn_alloc(g->nstate * sizeof *state);
  nn_init(g, theta, 3), nn_init_state(g, state);
  if (stream) {
    CHECK_REPORT(!nn_stream_new(&s, g, 1, theta, state, &e), "%.500s", e.text);
    for (int pass = 0; pass < 2; pass++) { /* the second recording starts anew */
      nn_stream_begin(s);
      for (int frame = 0; frame < FRAMES; frame++) {
        for (int k = 0; k < t->branches; k++) eit_input(t, &t->branch[k], i, frame, nn_stream_input(s, k), 1);
        memcpy(y + frame * t->outputs, nn_stream_push(s), sizeof *y * (size_t)t->outputs);
      }
    }
  } else {
    CHECK(!nn_plan_new(&p, g, 1, false, false, &e) && !nn_frame_new(&f, p, NULL, &e));
    f->theta = theta, f->state = state, f->valid = 1, f->whole = FRAMES;
    for (int node = 0, k = 0; node < g->nnodes; node++) {
      if (g->node[node].op) continue;
      for (int frame = 0; frame < FRAMES; frame++)
        eit_input(t, &t->branch[k], i, frame, f->value[node] + (size_t)frame * t->branch[k].channels, 1);
      k++;
    }
    nn_forward(p, f);
    memcpy(y, f->value[g->output], sizeof *y * (size_t)(FRAMES * t->outputs));
    nn_frame_free(f, NULL), nn_plan_free(p);
  }
  nn_stream_free(s), nn_graph_free(g), free(theta), free(state);
}

static void streams(const eit_data *d) {
  static const char *const net[] = {"{kind: gru, layers: 2, width: 6, encoder: [8]}",
                                    "{kind: lstm, layers: 1, width: 6, encoder: [8]}",
                                    "{kind: gru, layers: 1, width: 5, channels: [3, 4], encoder: [8]}"};
  for (int k = 0; k < 3; k++) {
    eit_task_conf c = {.truth = {1, 0, 0, 1, k < 2}, .rest = true, .block = 4, .folds = 3, .square = k == 2};
    eit_task t;
    double most = 0, size = 0;
    CHECK(!eit_task_new(&t, d, &c, &e));
    size_t n = (size_t)(FRAMES * t.outputs);
    nn_real *whole = malloc(sizeof *whole * n), *single = malloc(sizeof *single * n);
    answers(&t, net[k], 2, false, whole), answers(&t, net[k], 2, true, single);
    for (size_t i = 0; i < n; i++) {
      most = fmax(most, fabs((double)(whole[i] - single[i])));
      size = fmax(size, fabs((double)whole[i]));
    }
    CHECK_REPORT(most <= 1e-5 && size > .01, "%s: answers to %g differ by %g frame by frame", net[k], size, most);
    free(whole), free(single), eit_task_free(&t);
  }
}

static void refusals(const eit_data *d) {
  static const char *const net[] = {"{kind: gru, width: 4, bidirectional: true}",
                                    "{kind: lstm, width: 4, bidirectional: true}"};
  for (int k = 0; k < 2; k++) {
    nn_net_task task = {.in = {{1, 1, 1}, 3}, .sequence = true, .outputs = 1};
    nn_graph *g = built(net[k], 1, &task);
    nn_stream *s = NULL;
    err bad = {0};
    CHECK_INT(nn_stream_new(&s, g, 1, NULL, NULL, &bad), ERR_DECK);
    CHECK(!s && strstr(bad.text, "later frames"));
    nn_graph_free(g);
  }
  eit_task_conf c = {.truth = {1}, .rest = true, .block = 4, .folds = 100, .fold = 50};
  eit_task t;
  eit_set s;
  err none = {0};
  CHECK(!eit_task_new(&t, d, &c, &e));
  CHECK_INT(eit_set_new(&s, &t, 0, 0, 0, false, &none), ERR_DECK);
  eit_set_free(&s), eit_task_free(&t);
}

/* A made-up body, voltages Z of all electrodes: file electrode e is model electrode (a -+ e), so that its matrix is Z
 * with rows and columns exchanged. */
static void turned_belts(void) {
  enum { N = 16, M = N * (N - 3) };
  eit_protocol *p = NULL;
  double z[N][N], file[M], model[M], turned[M];
  CHECK(!eit_protocol_pairs(&p, N, 1, true, 1, &e));
  for (int a = 0; a < N; a++)
    for (int b = 0; b < N; b++) z[a][b] = rng_normal(rng_stream(8, "z"), (uint64_t)(a * N + b), 0, 0);
  for (int way = 0; way < 4; way++) {
    bool clockwise = way % 2;
    int first = way / 2 ? 5 : 0;
    for (int d = 0; d < M; d++) {
      const double *drive = p->vector + p->drive[d] * N, *meas = p->vector + p->meas[d] * N;
      file[d] = model[d] = 0;
      for (int a = 0; a < N; a++)
        for (int b = 0; b < N; b++) {
          int row = (first + (clockwise ? N - a : a)) % N, col = (first + (clockwise ? N - b : b)) % N;
          model[d] += meas[a] * z[a][b] * drive[b], file[d] += meas[a] * z[row][col] * drive[b];
        }
    }
    eit_recording_turn(N, 90 + 22.5 * first, clockwise, file, turned);
    for (int d = 0; d < M; d++) CHECK_NEAR(turned[d], model[d], 1e-12);
  }
  eit_protocol_free(p);
}

/* Networks beside each other have the parameters and answers of those built alone: none leaks into another. */
static void beside(void) {
  static const char net[] = "{kind: gru, layers: 1, width: 5}";
  nn_net_task task[2] = {{.in = {{4, 1, 1}, 3}, .sequence = true, .outputs = 2},
                         {.in = {{4, 1, 1}, 1}, .sequence = true, .outputs = 1}};
  nn_graph *both = built(net, 2, task), *first = built(net, 1, task), *second = built(net, 1, task + 1);
  CHECK(both->nparam == first->nparam + second->nparam);
  CHECK_INT(both->node[both->output].shape.channels, 3);
  for (int i = 0; i < first->nnodes; i++)
    CHECK(!strcmp(both->node[i].name, first->node[i].name) && both->node[i].param == first->node[i].param);
  CHECK(nn_find(both, "x") && nn_find(both, "x2"));
  nn_graph_free(both), nn_graph_free(first), nn_graph_free(second);
}

int main(void) {
  eit_data d = record();
  interpolation(), images(&d), scales(&d), evidence(&d), streams(&d), refusals(&d), beside(), turned_belts();
  CHECK_REPORT(!e.code, "%.500s", e.text);
  eit_data_close(&d);
  return check_done();
}
