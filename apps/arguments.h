/* arguments.h: the words behind a command of spinet. Every option is one row of a table (name, value, help, field); a
 * command names the rows it allows. Local; messages go to `err`. */
#ifndef APPS_ARGUMENTS_H
#define APPS_ARGUMENTS_H

#include "base/run.h"

typedef struct arguments {
  run_options o;
  const char **word; /* decks, apps, runs, files; belongs to the arguments */
  int words;
  const char *x, *y, *over, *series, *histogram, *window, *out;
  long point, farm, degree; /* -1: not given */
  bool csv, pool, help;
} arguments;

/* What a command takes: its words and its options, between blanks: " -s -o --dry-run ". */
typedef struct arguments_form {
  const char *name, *usage; /* of the command, for messages */
  const char *word;         /* what a word is ("a deck"); NULL: it takes none */
  int least, most;          /* number of words */
  const char *options;
} arguments_form;

/* argv[2..argc) -> *a. The caller calls arguments_free either way. argv must stay valid. */
int arguments_parse(arguments *a, const arguments_form *form, int argc, char **argv, err *e);
void arguments_free(arguments *a);
/* One line of help for each option of the command. */
void arguments_help(const arguments_form *form, FILE *f);

#endif
