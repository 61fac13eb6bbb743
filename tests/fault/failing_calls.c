/* Preloaded into llmpi by failing_calls.sh: lets the n-th call of one function fail, counting only calls that
 * come from the program itself, not from its libraries. FAIL_CALL names the function, FAIL_AT is n. When the
 * call has been reached, the file FAIL_MARK is made, so that the test knows when n is beyond the last. With
 * FAIL_BY_KILLING the program is killed instead, before the call does anything. SLOW_PWRITE is a number of
 * microseconds that every pwrite takes longer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/types.h>
#include <unistd.h>

/* True for the one call that is to fail. */
static int fails(const char *name, void *caller)
{
    static atomic_long count;
    const char *wanted = getenv("FAIL_CALL"), *at = getenv("FAIL_AT"), *mark = getenv("FAIL_MARK");
    Dl_info program, from;
    if (wanted == NULL || at == NULL || mark == NULL || strcmp(wanted, name) != 0)
        return 0;
    if (dladdr(caller, &from) == 0 || dladdr((void *)getauxval(AT_ENTRY), &program) == 0)
        return 0;
    if (from.dli_fbase != program.dli_fbase || atomic_fetch_add(&count, 1) + 1 != atol(at))
        return 0;
    close(open(mark, O_WRONLY | O_CREAT, 0666));
    if (getenv("FAIL_BY_KILLING") != NULL)
        kill(getpid(), SIGKILL);
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int posix_memalign(void **out, size_t alignment, size_t size)
{
    return fails("posix_memalign", __builtin_return_address(0)) ? ENOMEM
                                                                : REAL(posix_memalign)(out, alignment, size);
}

void *realloc(void *old, size_t size)
{
    return fails("realloc", __builtin_return_address(0)) ? NULL : REAL(realloc)(old, size);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset)
{
    const char *slow = getenv("SLOW_PWRITE");
    if (slow != NULL)
        usleep((useconds_t)atol(slow));
    if (!fails("pwrite", __builtin_return_address(0)))
        return REAL(pwrite)(descriptor, data, size, offset);
    errno = ENOSPC;
    return -1;
}

ssize_t pread(int descriptor, void *data, size_t size, off_t offset)
{
    if (!fails("pread", __builtin_return_address(0)))
        return REAL(pread)(descriptor, data, size, offset);
    errno = EIO;
    return -1;
}

ssize_t read(int descriptor, void *data, size_t size)
{
    if (!fails("read", __builtin_return_address(0)))
        return REAL(read)(descriptor, data, size);
    errno = EIO;
    return -1;
}

int fsync(int descriptor)
{
    if (!fails("fsync", __builtin_return_address(0)))
        return REAL(fsync)(descriptor);
    errno = EIO;
    return -1;
}

int rename(const char *from, const char *to)
{
    if (!fails("rename", __builtin_return_address(0)))
        return REAL(rename)(from, to);
    errno = EACCES;
    return -1;
}
