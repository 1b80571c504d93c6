/* eit.h: the parts of app eit: recordings of patients in memory, networks beside each other that look at them, and what
 * the answers on unseen patients are worth. */
#ifndef APPS_EIT_H
#define APPS_EIT_H

#include "base/run.h"
#include "nn/dataset.h"
#include "nn/nets.h"
#include "signals/eit_ensemble.h"

extern const app app_eit;

typedef struct eit_task_conf {
  bool truth[EIT_TRUTHS]; /* what networks are trained for */
  bool shuffled, square, rest;
  long block, window, folds, fold, lag, warmup;
} eit_task_conf;
extern const deck_key eit_task_keys[];

/* ---- recordings (eit_data.c) ---- */
extern const deck_kind *const eit_sources[]; /* simulated, stored */
extern const deck_key eit_patients_keys[];

typedef struct eit_data {
  long n; /* patients */
  double rate;
  eit_layout l;
  int *place;  // (pixels): row size + col
  float *all;  // (n, l.row)
} eit_data;
/* Collective: simulates the patients of the deck, ranks and threads sharing them, or reads them; every rank has all. On
 * the way it may have to stop (run_stopping): then d is not complete. ERR_RUN where they would not fit into run.memory.
 */
int eit_data_open(eit_data *d, run *r, err *e);
void eit_data_close(eit_data *d);
/* Rank 0: files patients-0000.h5 ... in the run's folder. */
int eit_data_store(const eit_data *d, run *r, err *e);
static inline const float *eit_images(const eit_data *d, long i) { /* (frames, pixels) */
  return d->all + (size_t)i * d->l.row;
}
static inline float eit_truth(const eit_data *d, long i, int t, int k) {
  return d->all[(size_t)i * d->l.row + d->l.truth + (size_t)t * EIT_TRUTHS + k];
}

/* ---- what networks see and answer (eit_task.c) ---- */
typedef struct eit_branch { /* one of the networks beside each other */
  const char *name;
  bool image, airway, shuffled; /* sees images; sees airway pressure; is trained on another patient's truth */
  int outputs, truth[EIT_TRUTHS], channels;
} eit_branch;
enum { EIT_BRANCHES = 4, EIT_OUTPUTS = 8 };

typedef struct eit_task {
  const eit_data *d;
  eit_task_conf c;
  int branches, outputs;
  eit_branch branch[EIT_BRANCHES];
  double image_sd; /* of the training patients */
  int blocks;      /* 0 without task.rest */
  int *block;      // (pixels): the block of task.block x task.block pixels to which each belongs
  float *rest;     // (n, blocks): what patients are like: means over blocks, less the training patients', over their sd
  double mean[EIT_TRUTHS], sd[EIT_TRUTHS]; /* of the training patients, or 0 and 1 */
  double *own;                             // (n, EIT_TRUTHS, 2): mean and sd of each recording
} eit_task;
/* Local: airway and arterial pressures are normalised recording by recording, the rest by the training patients. */
int eit_task_new(eit_task *t, const eit_data *d, const eit_task_conf *c, err *e);
void eit_task_free(eit_task *t);
bool eit_normalised(int truth);
/* What networks are to answer of truth k of patient i at `frame`, in standard deviations; it is about lag frames
 * before.
 */
double eit_wanted(const eit_task *t, long i, int frame, int k);
/* Such an answer z in the units of the truth (eit_normalised: in standard deviations). */
double eit_value(const eit_task *t, long i, int frame, int k, double z);
/* Tasks for nn_nets_beside, for sequences of so many frames. */
void eit_nets(const eit_task *t, int frames, nn_net_task *net);
/* Frame `frame` of patient i as input of branch b: numbers x[k * step], k < channels. */
void eit_input(const eit_task *t, const eit_branch *b, long i, int frame, nn_real *x, size_t step);

typedef struct eit_set {
  const eit_task *t;
  long *patient;  // (patients)
  long patients;
  int frames;     /* of a window, moved about in training, or of the whole recording (0) */
  nn_dataset set; /* ctx: this */
} eit_set;
/* Patients i with first <= (i + folds - fold) % folds <= last: 0 test, 1 validation, the others training. ERR_DECK if
 * there are none. */
int eit_set_new(eit_set *s, const eit_task *t, int first, int last, int frames, bool train, err *e);
void eit_set_free(eit_set *s);

/* ---- the verdict on unseen patients (eit_judge.c, eit_figures.c); rank 0 ---- */
typedef struct eit_breaths_found { /* of all patients, by truth */
  long n;
  int *patient;                           // (n)
  double *truth, *net, *line, *own_line;  // (n) mL: swings of volume
} eit_breaths_found;

typedef struct eit_verdict {
  const eit_set *test, *train;
  const nn_real *z;    // (patients, frames, outputs)
  double slope, shift; /* volume = slope sum of the image + shift, of the training patients */
  double *own;         // (patients, 2) the same, each fitted to its patient
  eit_breaths_found breath;
} eit_verdict;
int eit_judge(run *r, const eit_set *train, const eit_set *test, const nn_real *z, long replicates, double level,
              err *e);
/* Of test patient i at `frame`, as eit_value: output number `output`; truth k. */
double eit_answer(const eit_verdict *v, int output, long i, int frame);
double eit_true(const eit_verdict *v, long i, int frame, int k);
void eit_figures(run *r, const eit_verdict *v);

/* Where and when the evidence lies, from attributions of one recording of patient i: a[(frame channels + channel)
 * step], laid out as eit_input. Only what moves counts. */
enum { EIT_REGIONS = 2, EIT_PHASES = 16 };
typedef struct eit_evidence {
  double mass[EIT_REGIONS],
      area[EIT_REGIONS]; /* shares of the positive part of map, and of the area: lungs; heart, aorta */
  double phase[EIT_PHASES], time[EIT_PHASES]; /* shares of the positive part of frames (summed over pixels), and of
     time, in complete breaths of the true volume: 8 parts of inspiration, 8 of expiration; NAN where there is none */
} eit_evidence;
/* map (pixels): attributions summed over time. ERR_RUN: no memory. */
int eit_evidence_of(const eit_task *t, const eit_branch *b, long i, const nn_real *a, size_t step, double *map,
                    eit_evidence *out, err *e);

/* Where the first network looks for volume and arterial pressure (eit_explain.c); rank 0. g: that network alone, for
 * whole recordings, with the gradient of its input wanted; its parameters are the first ones of theta and state. */
int eit_explain(run *r, const eit_set *test, const nn_graph *g, const nn_real *theta, const nn_real *state, err *e);

/* ---- a real recording (eit_recording.c), of the file and with the reconstruction that the deck says ---- */
extern const deck_key eit_recording_keys[];
int eit_recording_check(const deck *d, err *e); /* what can be told from the deck alone: ERR_DECK */
/* Collective: on rank 0 one patient without truths, else nothing; images as those of `like`. ERR_DECK: the file cannot
 * be seen with this reconstruction; ERR_FILE. */
int eit_recording_open(eit_data *d, run *r, const eit_data *like, err *e);
/* One frame (n (n - 3) data of adjacent pairs, rotating) in the order of the model, whose electrode 0 is in front and
 * which runs counterclockwise, seen from the feet. first: degrees, rounded to electrodes. */
void eit_recording_turn(int n, double first, bool clockwise, const double *from, double *to);
/* Rank 0: what the first network, `one` for single frames, tells of it, and its frequency of breathing. */
int eit_recording_tell(run *r, const eit_data *d, const eit_task *t, const nn_graph *one, const nn_real *theta,
                       const nn_real *state, err *e);

#endif
