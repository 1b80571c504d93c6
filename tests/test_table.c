/* test_table.c: value(error) by cases worked out by hand; alignment of a table. */
#include "base/table.h"
#include "check.h"

static const struct {
  double value, error;
  const char *text;
} cases[] = {
    {238.387251, .00012, "238.38725(12)"},
    {238.387251, .0996, "238.39(10)"}, /* rounding lengthens the error */
    {-1.41421356, .0344, "-1.414(34)"},
    {1234.5678, 1.234, "1234.6(1.2)"},
    {1234.5678, 12.34, "1235(12)"},
    {1234.5678, 123.4, "1230(120)"},
    {1234.5678, .994, "1234.57(99)"},
    {1234.5678, .996, "1234.6(1.0)"},
    {5, 9.96, "5(10)"},
    {0, .025, "0.000(25)"},
    {.001, 2.5, "0.0(2.5)"},
    {1.23456e-9, 6.7e-12, "1.2346(67)e-09"},
    {-6.02214e23, 1.5e19, "-6.02214(15)e+23"},
    {1e-5, 2e-2, "0.000(20)"},
    {2.5e7, 3e5, "2.500(30)e+07"},
    {.5, NAN, "0.5"},
    {2.0 / 3, NAN, "0.6666666667"},
    {NAN, .1, "-"},
    {NAN, NAN, "-"},
    {3.25, 0, "3.25(0)"},
    {3.25, INFINITY, "3.25(inf)"},
    {-INFINITY, .1, "-inf"},
};

static void test_values(void) {
  char s[64];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CHECK_TEXT(table_value(s, sizeof s, cases[i].value, cases[i].error), cases[i].text);
  CHECK_TEXT(table_value(s, 5, 238.387251, .00012), "238."); /* a short buffer is not overrun */
}

static void test_table(void) {
  char *text = NULL;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  table *t = table_new();
  table_row(t, "observable|NIS|sigma|exact");
  table_row(t, "lnZ|%s|%+.1f|238.4", "238.38725(12)", .25);
  table_row(t, "short");
  table_row(t, "beta \xce\xb2|-|-12|7");
  table_print(t, f);
  table_free(t);
  fclose(f);
  CHECK_TEXT(text,
             "observable            NIS  sigma  exact\n"
             "---------------------------------------\n"
             "lnZ         238.38725(12)   +0.2  238.4\n"
             "short\n"
             "beta \xce\xb2                  -  -12      7\n");
  free(text);
  table_free(NULL);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  test_values();
  test_table();
  return check_done();
}
