/* file.c: signals_file_open, _read, _close, signals_beside, signals_has_extension. */
#include "signals/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

int signals_file_open(signals_file *f, const char *path, err *e) {
  struct stat s;
  *f = (signals_file){.fd = open(path, O_RDONLY | O_CLOEXEC)};
  if (f->fd < 0 || fstat(f->fd, &s)) {
    int reason = errno;
    signals_file_close(f);
    return err_set(e, ERR_FILE, "cannot read %s: %s", path, strerror(reason));
  }
  f->size = (int64_t)s.st_size, f->path = strdup(path);
  if (f->path && S_ISREG(s.st_mode)) return 0;
  signals_file_close(f);
  return err_set(e, ERR_FILE, "cannot read %s: it is not a plain file", path);
}

int signals_file_read(const signals_file *f, int64_t at, size_t n, void *p, err *e) {
  char *to = p;
  for (size_t done = 0; done < n;) {
    ssize_t got = pread(f->fd, to + done, n - done, (off_t)(at + (int64_t)done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return err_set(e, ERR_FILE, "cannot read %s: %s", f->path, strerror(errno));
    if (got == 0)
      return err_set(e, ERR_FILE, "%s ends at byte %lld, %zu bytes are missing", f->path,
                     (long long)(at + (int64_t)done), n - done);
    done += (size_t)got;
  }
  return 0;
}

void signals_file_close(signals_file *f) {
  if (f->fd >= 0) close(f->fd);
  free(f->path);
  *f = (signals_file){.fd = -1};
}

char *signals_beside(const char *path, const char *name) {
  const char *slash = strrchr(path, '/');
  size_t folder = slash ? (size_t)(slash - path + 1) : 0, n = strlen(name);
  char *s = malloc(folder + n + 1);
  if (!s) return NULL;
  memcpy(s, path, folder);
  memcpy(s + folder, name, n + 1);
  return s;
}

int signals_has_extension(const char *path, const char *ext) {
  size_t n = strlen(path), m = strlen(ext);
  return n > m + 1 && path[n - m - 1] == '.' && !strcasecmp(path + n - m, ext);
}
