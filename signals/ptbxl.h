/* ptbxl.h: the PTB-XL layout: ptbxl_database.csv (one row per record), scp_statements.csv (the statements and their
 * hierarchy) and the WFDB records they name. Wagner et al., Sci. Data 7 (2020) 154; tasks: Strodthoff et al., IEEE JBHI
 * 25 (2021) 1519. Local; ERR_FILE with file, line and reason. */
#ifndef SIGNALS_PTBXL_H
#define SIGNALS_PTBXL_H

#include <stdbool.h>

#include "base/err.h"
#include "signals/recording.h"

typedef struct ptbxl_statement {
  char *code, *description;
  bool diagnostic, form, rhythm;
  char *superclass, *subclass; /* "" where it is not diagnostic */
} ptbxl_statement;

typedef struct ptbxl_code {
  int statement;
  double likelihood; /* percent; 0: not told */
} ptbxl_code;

typedef struct ptbxl_record {
  long id, patient;
  double age, sex, height, weight; /* years (300: above 89), 0 male 1 female, cm, kg; NaN: not told */
  int fold;                        /* 1 ... 10 */
  char *low, *high;                /* records at 100 and 500 Hz, relative to the folder */
  int codes;
  ptbxl_code *code;  // (codes)
} ptbxl_record;

typedef struct ptbxl {
  char *folder;
  int statements;
  ptbxl_statement *statement;  // (statements)
  long records;
  ptbxl_record *record;  // (records)
} ptbxl;
int ptbxl_open(ptbxl **p, const char *folder, err *e);
void ptbxl_close(ptbxl *p); /* p may be NULL */
/* The ECG of record i at 500 Hz (high) or 100 Hz. Caller closes. */
int ptbxl_ecg(const ptbxl *p, long i, bool high, recording **r, err *e);

/* A task: which label a statement gives, NULL for none. */
typedef struct ptbxl_task {
  const char *name, *help;
  const char *(*label)(const ptbxl_statement *s);
} ptbxl_task;
extern const ptbxl_task *const ptbxl_tasks[];        /* all, diag, subdiag, superdiag, form, rhythm; ends in NULL */
const ptbxl_task *ptbxl_task_find(const char *name); /* NULL if there is none */

typedef struct ptbxl_labels {
  long n; /* records of the task: those with at least one label */
  int k;
  char **name;           // (k) in alphabetical order, those that occur
  long *record;          // (n)
  unsigned char *label;  // (n, k)
} ptbxl_labels;
/* Whatever the likelihood: what is stated counts. */
int ptbxl_labels_new(ptbxl_labels **l, const ptbxl *p, const ptbxl_task *task, err *e);
void ptbxl_labels_free(ptbxl_labels *l); /* l may be NULL */

#endif
