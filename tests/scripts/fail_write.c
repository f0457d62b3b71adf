/* For LD_PRELOAD: the FAIL_AT-th write or sync of a file under FAIL_UNDER, counted while the file
   FAIL_ARMED exists, fails: with EIO and once, or, with FAIL_FULL, with ENOSPC and every later
   write as well. With FAIL_SYNCS, syncs do nothing and report success. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;

static int fails(int fd, const char *what) {
    const char *under = getenv("FAIL_UNDER"), *at = getenv("FAIL_AT"), *armed = getenv("FAIL_ARMED");
    char link[64], path[PATH_MAX];
    int saved = errno;
    int is_full = getenv("FAIL_FULL") != NULL;
    if (!under || !at || !armed || (is_full && strstr(what, "sync"))) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (length < 0) return 0;
    path[length] = 0;
    if (strncmp(path, under, strlen(under)) || access(armed, F_OK)) {
        errno = saved;
        return 0;
    }
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (call < atol(at) || (call > atol(at) && !is_full)) return 0;
    if (call == atol(at)) fprintf(stderr, "fail_write: %s of %s fails\n", what, path);
    errno = is_full ? ENOSPC : EIO;
    return 1;
}

#define WRAP(result, name, parameters, arguments)                                                  \
    result name parameters {                                                                       \
        static result(*real) parameters;                                                           \
        if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name);                                      \
        if (strstr(#name, "sync") && getenv("FAIL_SYNCS")) return 0;                               \
        return fails(fd, #name) ? -1 : real arguments;                                             \
    }

WRAP(ssize_t, write, (int fd, const void *bytes, size_t count), (fd, bytes, count))
WRAP(ssize_t, pwrite, (int fd, const void *bytes, size_t count, off_t at), (fd, bytes, count, at))
WRAP(ssize_t, pwrite64, (int fd, const void *bytes, size_t count, off64_t at), (fd, bytes, count, at))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, fdatasync, (int fd), (fd))
