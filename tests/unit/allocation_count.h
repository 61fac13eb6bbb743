/* Counts what a test program allocates. The functions below replace the C library's for the whole process:
 * for llmpi's own code as well as for libgomp, BLAS and whatever else is linked. Not counted is only what a
 * library asks the system for without any of these names. To be included once, by the test's one file. */
#ifndef LLMPI_TESTS_UNIT_ALLOCATION_COUNT_H
#define LLMPI_TESTS_UNIT_ALLOCATION_COUNT_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

/* The program without its shared libraries. */
extern const char __executable_start[], etext[];

static atomic_long allocations_of_all;
static atomic_long allocations_of_program; /* those whose caller is in it */

static void count_call(const void *caller)
{
    atomic_fetch_add(&allocations_of_all, 1);
    if ((uintptr_t)caller >= (uintptr_t)__executable_start && (uintptr_t)caller < (uintptr_t)etext)
        atomic_fetch_add(&allocations_of_program, 1);
}

void *malloc(size_t size)
{
    count_call(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    count_call(__builtin_return_address(0));
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    count_call(__builtin_return_address(0));
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count_call(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    count_call(__builtin_return_address(0));
    *out = __libc_memalign(alignment, size);
    return *out == NULL ? ENOMEM : 0;
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset)
{
    count_call(__builtin_return_address(0));
    return (void *)syscall(SYS_mmap, address, length, protection, flags, descriptor, offset);
}

#endif
