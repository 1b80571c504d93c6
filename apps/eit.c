/* eit.c: volume, flow and pressures from images of electrical impedance tomography, on patients never seen: 'Inferring
 * respiratory and circulatory parameters from EIT with deep recurrent models' (Strodthoff et al., IEEE JBHI 25 (2021)
 * 3105, arXiv:2010.09622).
 *
 *   patients   simulated: finite elements, lung mechanics, circulation, noise; images by a matrix that knows only the
 *              mean patient; or read from files
 *   train      sequences of images -> recurrent network -> an answer at every frame; one fold of patients decides which
 *              epoch is kept
 *   judge      one fold of patients: correlations, errors, breaths, with intervals over patients; beside lines through
 *              the sum of the image, and networks that see airway pressure alone or were taught other patients' truth
 */
#include "apps/eit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/fit.h"
#include "nn/store.h"
#include "nn/stream.h"

#define AT(field) offsetof(eit_task_conf, field)
const deck_key eit_task_keys[] = {
    {"volume", DECK_BOOL, AT(truth[EIT_T_VOLUME]), "true", .help = "mL above the end of expiration"},
    {"flow", DECK_BOOL, AT(truth[EIT_T_FLOW]), "true", .help = "mL/s"},
    {"airway", DECK_BOOL, AT(truth[EIT_T_AIRWAY]), "true", .help = "pressure, normalised recording by recording"},
    {"arterial", DECK_BOOL, AT(truth[EIT_T_ARTERIAL]), "true", .help = "pressure, normalised recording by recording"},
    {"transpulmonary", DECK_BOOL, AT(truth[EIT_T_TRANSPULMONARY]), "false",
     .help = "pressure, by a network that sees airway pressure too, and by one that sees nothing else"},
    {"shuffled", DECK_BOOL, AT(shuffled), "false", .help = "control: a network taught the volume of other patients"},
    {"square", DECK_BOOL, AT(square), "false",
     .help = "networks see the whole square of the image, as convolutions want, in place of its pixels in the body"},
    {"rest", DECK_BOOL, AT(rest), "true",
     .help = "networks also see the image of what the patient is like, which no real recording can be compared in"},
    {"block", DECK_INT, AT(block), "4", 1, 256, .unit = "pixels",
     .help = "side of the blocks over which the image of what a patient is like is averaged"},
    {"window", DECK_INT, AT(window), "0", 0, 1e8, .unit = "frames", .help = "of training; 0: whole recordings"},
    {"lag", DECK_INT, AT(lag), "2", 0, 1000, .unit = "frames",
     .help = "an answer comes so much later than what it is about"},
    {"folds", DECK_INT, AT(folds), "11", 3, 1000, .help = "patient i belongs to fold i modulo folds"},
    {"fold", DECK_INT, AT(fold), "0", 0, 999, .help = "that is tested; the next one validates, the others train"},
    {0},
};
#undef AT
typedef struct evaluate_conf {
  long replicates;
  double level;
  bool explain;
} evaluate_conf;
static const deck_key evaluate_keys[] = {
    {"replicates", DECK_INT, offsetof(evaluate_conf, replicates), "1000", 10, 1e6, .help = "of the bootstrap",
     .free = true},
    {"level", DECK_REAL, offsetof(evaluate_conf, level), "0.95", 0.5, 0.999, .help = "of the intervals", .free = true},
    {"explain", DECK_BOOL, offsetof(evaluate_conf, explain), "true",
     .help = "also where the network looks: shares of its evidence in lungs and heart", .free = true},
    {0},
};
typedef struct store_conf {
  bool recordings;
} store_conf;
static const deck_key store_keys[] = {
    {"recordings", DECK_BOOL, offsetof(store_conf, recordings), "false",
     .help = "the patients, with images and all truths, as patients-0000.h5 and so on"},
    {0},
};
static const deck_section schema[] = {
    {.name = "patients",
     .help = "recordings",
     .keys = eit_patients_keys,
     .kinds = eit_sources,
     .kind_def = "simulated"},
    {.name = "image", .help = "how voltages become images (of simulated patients)", .keys = eit_imager_keys},
    {.name = "recording",
     .help = "of an impedance tomograph: what the network tells of it",
     .keys = eit_recording_keys,
     .optional = true},
    {.name = "store", .help = "files", .keys = store_keys},
    {.name = "task", .help = "what networks are to tell", .keys = eit_task_keys},
    {.name = "net",
     .help = "the network (neither epochs nor net.from: only patients)",
     .keys = nn_nets_keys,
     .kinds = nn_nets,
     .kind_def = "gru"},
    NN_FIT_SECTIONS("mse"),
    {.name = "evaluate", .help = "figures of merit of the tested fold", .keys = evaluate_keys},
    {0},
};

typedef struct problem {
  eit_data data, real;
  eit_task task;
  eit_set train, valid, test;
  nn_graph *g, *whole, *one; /* windows, or pieces of them; whole recordings; one frame */
  nn_real *theta, *state;
  evaluate_conf c;
  bool network; /* else only patients */
} problem;

static void close_problem(problem *p) {
  eit_set_free(&p->train), eit_set_free(&p->valid), eit_set_free(&p->test);
  eit_task_free(&p->task), eit_data_close(&p->data), eit_data_close(&p->real);
  nn_graph_free(p->g), nn_graph_free(p->whole), nn_graph_free(p->one);
  free(p->theta), free(p->state);
}

static eit_task_conf task_of(const deck *d) {
  eit_task_conf c;
  nn_loss_conf l;
  deck_get(d, "task", eit_task_keys, &c);
  nn_fit_loss(d, &l);
  c.warmup = l.warmup;
  return c;
}

static bool wants_network(const deck *d) {
  nn_nets_conf net;
  deck_get(d, "net", nn_nets_keys, &net);
  return nn_fit_wanted(d) > 0 || net.from;
}

/* The networks for sequences of so many frames. */
static int build(nn_graph **g, const eit_task *t, int frames, const deck *d, err *e) {
  nn_net_task net[EIT_BRANCHES];
  eit_nets(t, frames, net);
  return nn_nets_beside(g, t->branches, net, d, e);
}

static int open_network(problem *p, const deck *d, uint32_t seed, err *e) {
  int whole = p->data.l.frames;
  if (eit_set_new(&p->train, &p->task, 2, (int)p->task.c.folds - 1, (int)p->task.c.window, true, e) ||
      eit_set_new(&p->valid, &p->task, 1, 1, (int)p->task.c.window, false, e) ||
      eit_set_new(&p->test, &p->task, 0, 0, 0, false, e) || nn_fit_check(d, p->task.outputs, e))
    return e->code;
  int frames = nn_fit_frames(d, p->train.frames, e);
  if (e->code || build(&p->g, &p->task, frames, d, e) || build(&p->whole, &p->task, whole, d, e) ||
      build(&p->one, &p->task, 1, d, e))
    return e->code;
  return nn_nets_start(p->g, d, seed, &p->theta, &p->state, e);
}

static int open_problem(problem *p, run *r, err *e) {
  const deck *d = run_deck(r);
  eit_task_conf c = task_of(d);
  store_conf store;
  deck_get(d, "evaluate", evaluate_keys, &p->c), deck_get(d, "store", store_keys, &store);
  if (eit_data_open(&p->data, r, e) || run_stopping(r)) return e->code;
  if (store.recordings && run_root(r) && !run_dry(r)) eit_data_store(&p->data, r, e);
  if (comm_vote(run_comm(r), e)) return e->code;
  p->network = wants_network(d);
  if (p->network && deck_has(d, "recording") && !run_dry(r) && eit_recording_open(&p->real, r, &p->data, e))
    return e->code;
  return p->network && !eit_task_new(&p->task, &p->data, &c, e) ? open_network(p, d, run_seed(r), e) : e->code;
}

/* Collective: answers of the whole recordings of the test patients; *z on rank 0, to be freed. */
static int predict(run *r, const problem *p, nn_real **z, err *e) {
  nn_crew *crew = NULL;
  nn_prediction out = {.d = &p->test.set, .theta = p->theta, .state = p->state};
  size_t numbers = (size_t)p->test.patients * (size_t)p->data.l.frames * (size_t)p->task.outputs;
  if (run_root(r) && !(*z = malloc(sizeof **z * numbers))) err_set(e, ERR_RUN, "answers: out of memory");
  if (!e->code) nn_crew_new(&crew, p->whole, run_comm(r), nn_fit_lanes(run_deck(r)), p->task.outputs, 1, false, e);
  out.out = *z;
  if (!comm_vote(run_comm(r), e)) nn_predict(crew, &out, e);
  nn_crew_free(crew);
  return e->code;
}

/* Rank 0: the first test patient once more, frame by frame; the largest difference is a result. Networks that look at
 * later frames have none. */
static int stream(run *r, const problem *p, const nn_real *z, err *e) {
  const eit_task *t = &p->task;
  nn_stream *s = NULL;
  err why = {0};
  double most = 0;
  if (nn_stream_new(&s, p->one, 1, p->theta, p->state, &why)) {
    if (why.code != ERR_DECK) return *e = why, e->code;
    run_log(r, "not streamed: %s", why.text);
    return 0;
  }
  for (int f = 0; f < t->d->l.frames; f++) {
    for (int k = 0; k < t->branches; k++) eit_input(t, &t->branch[k], p->test.patient[0], f, nn_stream_input(s, k), 1);
    const nn_real *y = nn_stream_push(s);
    for (int k = 0; k < t->outputs; k++) most = fmax(most, fabs((double)(y[k] - z[(size_t)f * t->outputs + k])));
  }
  nn_stream_free(s);
  run_log(r, "frame by frame the answers differ by at most %.2g standard deviations", most);
  return run_number(r, "stream_difference", "sd",
                    "largest difference between answers frame by frame and of the whole "
                    "recording, first test patient",
                    most, NAN, e);
}

/* Rank 0. */
static int explain(run *r, const problem *p, err *e) {
  nn_net_task net[EIT_BRANCHES];
  nn_graph *g = NULL;
  if (!p->task.branch[0].image || p->task.branch[0].airway) return 0;
  eit_nets(&p->task, p->data.l.frames, net);
  net[0].want_grad = true;
  if (!nn_nets_beside(&g, 1, net, run_deck(r), e)) eit_explain(r, &p->test, g, p->theta, p->state, e);
  nn_graph_free(g);
  return e->code;
}

static int test(run *r, const problem *p, err *e) {
  nn_real *z = NULL;
  if (!predict(r, p, &z, e) && run_root(r) && !stream(r, p, z, e) &&
      !eit_judge(r, &p->train, &p->test, z, p->c.replicates, p->c.level, e) &&
      !(p->real.n && eit_recording_tell(r, &p->real, &p->task, p->one, p->theta, p->state, e)) && p->c.explain)
    explain(r, p, e);
  free(z);
  return e->code;
}

/* The algorithm: train, judge. */
static int work(run *r, problem *p, const nn_task *task, err *e) {
  nn_fit *f = NULL;
  nn_stored stored = {p->g, p->theta, p->state};
  if (nn_fit_new(&f, r, task, p->theta, p->state, e) || run_writer(r, nn_store_write, &stored, e)) goto end;
  if (nn_fit_run(f, e) || run_stopping(r)) goto end;
  test(r, p, e);
  if (!comm_vote(run_comm(r), e)) run_snapshot(r, e);
end:
  run_writer_end(r, &stored, e);
  nn_fit_free(f);
  return e->code;
}

static int eit_main(run *r, err *e) {
  problem p = {0};
  if (!open_problem(&p, r, e) && p.network && !run_stopping(r)) {
    nn_task task = {.g = p.g,
                    .pieces = p.train.frames / p.g->node[p.g->output].shape.extent[0],
                    .train = &p.train.set,
                    .valid = &p.valid.set,
                    .quantities = p.task.outputs};
    run_log(r, "%ld patients train, %ld validate, %ld test; %d answers per frame", p.train.patients, p.valid.patients,
            p.test.patients, p.task.outputs);
    if (!nn_fit_plan(r, &task, e) && !run_dry(r)) work(r, &p, &task, e);
  }
  close_problem(&p);
  return e->code;
}

static int check_patients(const deck *d, err *e) {
  eit_ensemble_conf c;
  if (deck_kind_of(d, "patients") != eit_sources[0]) return 0;
  deck_get(d, "patients", eit_ensemble_keys, &c);
  if (c.slowest <= c.fastest) return 0;
  return err_set(e, ERR_DECK, "%s: patients.slowest = %g: must not be above patients.fastest = %g",
                 deck_where(d, "patients", "slowest"), c.slowest, c.fastest);
}

/* Without work: networks for images of a few pixels. */
static int check(const deck *d, err *e) {
  if (check_patients(d, e)) return e->code;
  eit_imager_conf k;
  eit_task_conf c = task_of(d);
  eit_task t;
  nn_graph *g = NULL;
  deck_get(d, "image", eit_imager_keys, &k);
  int size = (int)k.size, place = 0;
  eit_layout l = eit_layout_of(2, 1, size);
  float *row = calloc(l.row, sizeof *row);
  eit_data one = {.n = 1, .rate = 1, .l = l, .place = &place, .all = row};
  if (!row) return err_set(e, ERR_RUN, "out of memory");
  if (c.fold >= c.folds)
    err_set(e, ERR_DECK, "%s: task.fold = %ld: there are folds 0 to %ld", deck_where(d, "task", "fold"), c.fold,
            c.folds - 1);
  if (deck_has(d, "recording") && c.rest)
    err_set(e, ERR_DECK, "%s: recording: needs task.rest = false", deck_where(d, "recording", "path"));
  if (!e->code && deck_has(d, "recording")) eit_recording_check(d, e);
  if (!e->code && wants_network(d) && !eit_task_new(&t, &one, &c, e)) {
    if (!t.outputs) err_set(e, ERR_DECK, "%s: task: nothing is asked for", deck_where(d, "task", "volume"));
    if (!e->code && !nn_fit_check(d, t.outputs, e) && !build(&g, &t, 8, d, e) && nn_fit_truncate(d) &&
        nn_by_frames(g, e))
      err_context(e, "%s: fit.truncate = %ld", deck_where(d, "fit", "truncate"), nn_fit_truncate(d));
    eit_task_free(&t);
  }
  nn_graph_free(g), free(row);
  return e->code;
}

const app app_eit = {.name = "eit",
                     .help = "volume, flow and pressures of ventilated patients from impedance images",
                     .schema = schema,
                     .check = check,
                     .main = eit_main};
