/* table.h: value(error) and text tables. Local. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H
#include <stddef.h>
#include <stdio.h>

/* "238.38725(12)": always two significant digits of error; "1.2345(67)e-09" where the larger of both is below 1e-4 or
 * from 1e7 on. error NaN: value alone with 10 digits; value NaN: "-". Writes into s[n], returns s. */
char *table_value(char *s, size_t n, double value, double error);

/* Rows of cells separated by '|' -> aligned columns with a rule under the first row. Columns are aligned to the right
 * but for the first one; numbers of a column stand with their decimal points in line. */
typedef struct table table;
table *table_new(void);
void table_row(table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_left(table *t, int column); /* align this column (below 32) to the left: words */
void table_print(const table *t, FILE *f);
void table_free(table *t); /* t may be NULL */
#endif
