/* file.c: file_read, file_write (begin, commit, abandon), file_rotate, file_folder, file_exists. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP = 1 << 16 };

/* Everything from fd to its end; NULL with errno set on failure. */
static char *slurp(int fd, size_t *n) {
  size_t room = READ_STEP;
  char *text = malloc(room + 1);
  *n = 0;
  while (text) {
    ssize_t got = read(fd, text + *n, room - *n);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) {
      text[*n] = 0;
      return text;
    }
    char *more = got < 0 ? NULL : text;
    if (got > 0 && (*n += (size_t)got) == room) more = realloc(text, (room *= 2) + 1);
    if (!more) free(text);
    text = more;
  }
  return NULL;
}

int file_read(const char *path, char **text, size_t *n, int code, err *e) {
  struct stat s;
  *text = NULL, *n = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return err_set(e, code, "cannot read %s: %s", path, strerror(errno));
  if (!fstat(fd, &s) && S_ISDIR(s.st_mode))
    err_set(e, code, "cannot read %s: it is a folder", path);
  else if (!(*text = slurp(fd, n)))
    err_set(e, code, "cannot read %s: %s", path, strerror(errno));
  close(fd);
  return *text ? 0 : e->code;
}

static char *tmp_name(char name[PATH_MAX], const char *path) {
  snprintf(name, PATH_MAX, "%s.tmp", path);
  return name;
}

int file_begin(const char *path, int *fd, err *e) {
  char tmp[PATH_MAX];
  *fd = open(tmp_name(tmp, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (*fd < 0) return err_set(e, ERR_FILE, "cannot write %s: %s", path, strerror(errno));
  return 0;
}

void file_abandon(const char *path, int fd) {
  char tmp[PATH_MAX];
  if (fd >= 0) close(fd);
  unlink(tmp_name(tmp, path));
}

static int write_all(int fd, const char *p, size_t n) {
  while (n > 0) {
    ssize_t put = write(fd, p, n);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return -1;
    p += put, n -= (size_t)put;
  }
  return 0;
}

/* A rename survives a power cut only when its folder is synced; file systems that cannot do it are forgiven. */
static void sync_folder(const char *path) {
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

int file_commit(const char *path, int fd, const void *p, size_t n, bool sync, err *e) {
  char tmp[PATH_MAX];
  int bad = write_all(fd, p, n) || (sync && fsync(fd)), reason = errno;
  if (close(fd) && !bad) bad = 1, reason = errno;
  if (!bad && rename(tmp_name(tmp, path), path)) bad = 1, reason = errno;
  if (bad) {
    file_abandon(path, -1);
    return err_set(e, ERR_FILE, "cannot write %s (%zu bytes): %s", path, n, strerror(reason));
  }
  if (sync) sync_folder(path);
  return 0;
}

int file_write(const char *path, const void *p, size_t n, bool sync, err *e) {
  int fd;
  return file_begin(path, &fd, e) || file_commit(path, fd, p, n, sync, e) ? e->code : 0;
}

int file_rotate(const char *path, const char *previous, const void *head, size_t nhead, const void *body, size_t nbody,
                err *e) {
  char tmp[PATH_MAX];
  int fd;
  if (file_begin(path, &fd, e)) return e->code;
  int bad = write_all(fd, head, nhead) || write_all(fd, body, nbody) || fsync(fd), reason = errno;
  if (close(fd) && !bad) bad = 1, reason = errno;
  if (!bad && rename(path, previous) && errno != ENOENT) bad = 1, reason = errno;
  if (!bad && rename(tmp_name(tmp, path), path)) bad = 1, reason = errno;
  if (bad) {
    file_abandon(path, -1);
    return err_set(e, ERR_FILE, "cannot write %s (%zu bytes): %s", path, nhead + nbody, strerror(reason));
  }
  sync_folder(path);
  return 0;
}

int file_folder(const char *path, bool *existed, err *e) {
  char part[PATH_MAX];
  struct stat s;
  bool was = !stat(path, &s);
  if (existed) *existed = was;
  if (was && S_ISDIR(s.st_mode)) return 0;
  if (was) return err_set(e, ERR_FILE, "cannot make the folder %s: a file of that name is in the way", path);
  if (strlen(path) >= sizeof part)
    return err_set(e, ERR_FILE, "cannot make the folder %s: %s", path, strerror(ENAMETOOLONG));
  strcpy(part, path);
  for (char *p = part + 1;; p++) {
    if (*p && *p != '/') continue;
    char end = *p;
    *p = 0;
    int bad = mkdir(part, 0777);
    if (bad && errno != EEXIST) return err_set(e, ERR_FILE, "cannot make the folder %s: %s", part, strerror(errno));
    if (!end) {
      if (existed) *existed = bad != 0; /* another job was quicker */
      return 0;
    }
    *p = end;
  }
}

bool file_exists(const char *path) {
  return !access(path, F_OK);
}
