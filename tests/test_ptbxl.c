/* test_ptbxl.c: the PTB-XL layout on tables of the real form with made-up rows: statements, folds, tasks, label
 * matrices, and what malformed tables are told. */
#include <sys/stat.h>

#include "check.h"
#include "folder.h"
#include "signals/ptbxl.h"

static const char statements[] =
    ",description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass,Statement Category\n"
    "NDT,non-diagnostic T abnormalities,1.0,1.0,,STTC,STTC,\"other ST-T\"\n"
    "NORM,normal ECG,1.0,,,NORM,NORM,Normal\n"
    "LVH,left ventricular hypertrophy,1.0,,,HYP,LVH,Hypertrophy\n"
    "ABQRS,abnormal QRS,,1.0,,,,QRS\n"
    "AFIB,atrial fibrillation,,,1.0,,,\n"
    "SR,sinus rhythm,,,1.0,,,\n"
    "RVH,right ventricular hypertrophy,1.0,,,HYP,RVH,\n";
#define HEAD "ecg_id,patient_id,age,sex,height,weight,report,scp_codes,strat_fold,filename_lr,filename_hr\n"
static const char rows[] = HEAD
    "1,15709.0,56.0,1,,63.0,\"sinus rhythm,\nnormal\",\"{'NORM': 100.0, 'SR': 0.0}\",3,records100/00000/00001_lr,"
    "records500/00000/00001_hr\n"
    "2,13243.0,19.0,0,,70.0,x,\"{'NDT': 80.0, 'LVH': 50.0, 'AFIB': 0.0}\",10,records100/00000/00002_lr,r/2_hr\n"
    "7,1,300.0,1,170,,x,{'ABQRS': 0.0},1,r/7_lr,r/7_hr\n"
    "9,2,,0,,,x,{},9,r/9_lr,r/9_hr\n";

static void put(const char *name, const char *text) {
  CHECK(!folder_put(name, text, strlen(text)));
}

static void labels(const ptbxl *p, const char *task, int k, const char *const *names, long n, const char *matrix) {
  ptbxl_labels *l;
  err e = {0};
  CHECK(!ptbxl_labels_new(&l, p, ptbxl_task_find(task), &e));
  CHECK_INT(l->k, k);
  CHECK_INT(l->n, n);
  for (int c = 0; c < k && c < l->k; c++) CHECK_TEXT(l->name[c], names[c]);
  for (long i = 0; i < n * k && i < l->n * l->k; i++)
    CHECK_REPORT(l->label[i] == matrix[i] - '0', "%s: entry %ld is %d", task, i, l->label[i]);
  ptbxl_labels_free(l);
}

static void tasks(void) {
  ptbxl *p;
  err e = {0};
  put("scp_statements.csv", statements), put("ptbxl_database.csv", rows);
  CHECK(!ptbxl_open(&p, folder_path, &e));
  CHECK_TEXT(e.text, "");
  if (!p) return;
  CHECK_INT(p->statements, 7);
  CHECK_INT(p->records, 4);
  const ptbxl_record *r = p->record;
  CHECK(r[0].id == 1 && r[0].patient == 15709 && r[0].age == 56 && r[0].sex == 1 && isnan(r[0].height));
  CHECK(r[1].fold == 10 && r[1].codes == 3 && r[1].code[1].likelihood == 50 && r[3].codes == 0 && isnan(r[3].age));
  CHECK_TEXT(r[0].low, "records100/00000/00001_lr");
  const char *all[] = {"ABQRS", "AFIB", "LVH", "NDT", "NORM", "SR"}, *diag[] = {"LVH", "NDT", "NORM"};
  const char *super[] = {"HYP", "NORM", "STTC"}, *sub[] = {"LVH", "NORM", "STTC"};
  const char *form[] = {"ABQRS", "NDT"}, *rhythm[] = {"AFIB", "SR"};
  labels(p, "all", 6, all, 3, "000011011100100000");
  labels(p, "diag", 3, diag, 2, "001110");
  labels(p, "superdiag", 3, super, 2, "010101");
  labels(p, "subdiag", 3, sub, 2, "010101");
  labels(p, "form", 2, form, 2, "0110");
  labels(p, "rhythm", 2, rhythm, 2, "0110");
  CHECK(!ptbxl_task_find("none"));
  recording *ecg;
  CHECK(!mkdir(folder_file("records100"), 0777) && !mkdir(folder_file("records100/00000"), 0777));
  put("records100/00000/00001_lr.hea", "00001_lr 1 100 2\n00001_lr.dat 16 1000/mV 16 0 5 0 0 I\n");
  CHECK(!folder_put("records100/00000/00001_lr.dat", "\5\0\7\0", 4));
  CHECK(!ptbxl_ecg(p, 0, false, &ecg, &e) && ecg->leads == 1 && ecg->lead[0].samples == 2);
  recording_close(ecg);
  CHECK(ptbxl_ecg(p, 0, true, &ecg, &e) == ERR_FILE && !ecg);
  ptbxl_close(p);
}

static void refused(const char *table, const char *message) {
  ptbxl *p;
  err e = {0};
  put("ptbxl_database.csv", table);
  CHECK_INT(ptbxl_open(&p, folder_path, &e), ERR_FILE);
  CHECK_REPORT(!p && strstr(e.text, message), "%.300s", e.text);
}

static void malformed(void) {
  refused("ecg_id\n1\n", "no column \"patient_id\"");
  refused(HEAD "1,2,3\n", "3 cells");
  refused(HEAD "1,2,x,1,,,r,{},1,a,b\n", "no age: \"x\"");
  refused(HEAD "1,2,3,1,,,r,{},11,a,b\n", "fold");
  refused(HEAD "1,2,3,1,,,r,{'NONE': 1},1,a,b\n", "lacks: \"NONE\"");
  refused(HEAD "1,2,3,1,,,r,{'NORM' 1},1,a,b\n", "dictionary");
  refused(HEAD "1,2,3,1,,,r,{'NORM': 1,1,a,b\n", "dictionary");
  refused(HEAD "1,2,3,1,,,r,\"{'NORM': 1\",1,a,b\n", "dictionary");
  refused(HEAD "1,2,3,1,,,r,NORM,1,a,b\n", "dictionary");
  refused(HEAD "1,2,3,1,,,r,{},1,/etc/passwd,b\n", "folder");
  refused(HEAD "1,2,3,1,,,r,{},1,../a,b\n", "folder");
  refused(HEAD "1,2,3,1,,,\"r,{},1,a,b\n", "never closed");
}

int main(void) {
  CHECK(!folder_make());
  tasks();
  malformed();
  CHECK(!folder_remove());
  return check_done();
}
