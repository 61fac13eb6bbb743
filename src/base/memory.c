/* posix_memalign and realloc, checked; and mappings of their own for large arrays. */
#include "llmpi/base/memory.h"

#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE ((size_t)2 << 20) /* bytes; where huge pages are larger or absent, only an alignment */

static void *out_of_memory(int64_t count, size_t size, const char *what)
{
    fail(STATUS_FAILED, "out of memory: %lld x %zu bytes for %s", (long long)count, size, what);
    return NULL;
}

void *memory_allocate(int64_t count, size_t size, const char *what)
{
    size_t bytes = 0;
    void *pointer = NULL;
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, &bytes) ||
        posix_memalign(&pointer, MEMORY_ALIGNMENT, bytes > 0 ? bytes : 1) != 0)
        return out_of_memory(count, size, what);
    memset(pointer, 0, bytes);
    return pointer;
}

void *memory_resize(void *old, int64_t count, size_t size, const char *what)
{
    size_t bytes = 0;
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, &bytes))
        return out_of_memory(count, size, what);
    void *pointer = realloc(old, bytes > 0 ? bytes : 1);
    return pointer != NULL ? pointer : out_of_memory(count, size, what);
}

void *memory_grow(void *old, int64_t count, int64_t *capacity, size_t size, const char *what)
{
    if (count < *capacity)
        return old;
    int64_t larger = *capacity > 0 ? 2 * *capacity : 1024;
    void *resized = memory_resize(old, larger, size, what);
    if (resized != NULL)
        *capacity = larger;
    return resized;
}

char *memory_copy_text(const char *text, size_t length)
{
    char *copy = memory_resize(NULL, (int64_t)length + 1, 1, "a text");
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void memory_free(void *pointer)
{
    free(pointer);
}

static void *plain_allocate(void *context, size_t bytes, const char *what)
{
    (void)context;
    return memory_allocate((int64_t)bytes, 1, what);
}

static void plain_release(void *context, void *pointer)
{
    (void)context;
    memory_free(pointer);
}

const struct allocator allocator_plain = {plain_allocate, plain_release, NULL};

/* Stands MEMORY_ALIGNMENT bytes before what huge_allocate gives. */
struct header {
    size_t mapped; /* bytes of the mapping that begins here; 0: from memory_allocate */
};

/* A mapping of `bytes`, a multiple of the page size, that begins where a huge page may begin; NULL when there
 * is none. More is mapped at first, and what lies outside is given back. */
static void *map_aligned(size_t bytes)
{
    size_t wanted = bytes + HUGE_PAGE;
    char *whole = mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (whole == MAP_FAILED)
        return NULL;
    size_t before = (HUGE_PAGE - (uintptr_t)whole % HUGE_PAGE) % HUGE_PAGE;
    char *start = whole + before;
    if (before > 0)
        munmap(whole, before);
    if (before < HUGE_PAGE)
        munmap(start + bytes, HUGE_PAGE - before);
    madvise(start, bytes, MADV_HUGEPAGE); /* a system without them refuses, and plain pages serve */
    return start;
}

static void *huge_allocate(void *context, size_t bytes, const char *what)
{
    (void)context;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = 0;
    if (__builtin_add_overflow(bytes, MEMORY_ALIGNMENT + page - 1, &whole) || whole > PTRDIFF_MAX - HUGE_PAGE)
        return out_of_memory(1, bytes, what);
    size_t mapped = bytes < HUGE_PAGE ? 0 : whole / page * page;
    struct header *header =
        mapped > 0 ? map_aligned(mapped) : memory_allocate((int64_t)(bytes + MEMORY_ALIGNMENT), 1, what);
    if (header == NULL)
        return mapped > 0 ? out_of_memory(1, bytes, what) : NULL;
    header->mapped = mapped;
    return (char *)header + MEMORY_ALIGNMENT;
}

static void huge_release(void *context, void *pointer)
{
    (void)context;
    if (pointer == NULL)
        return;
    struct header *header = (void *)((char *)pointer - MEMORY_ALIGNMENT);
    if (header->mapped > 0)
        munmap(header, header->mapped);
    else
        memory_free(header);
}

const struct allocator allocator_huge = {huge_allocate, huge_release, NULL};

/* The number after `key` in a file of lines "Key:   123 kB", in bytes; -1 where there is none. */
static int64_t read_kilobytes(const char *path, const char *key)
{
    char line[256];
    long long kilobytes = 0;
    bool found = false;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found =
            strncmp(line, key, strlen(key)) == 0 && sscanf(line + strlen(key), " %lld kB", &kilobytes) == 1;
    fclose(file);
    return found ? 1024 * (int64_t)kilobytes : -1;
}

int64_t memory_peak(void)
{
    int64_t bytes = read_kilobytes("/proc/self/status", "VmHWM:");
    return bytes >= 0 ? bytes : 0;
}

int64_t memory_available(void)
{
    int64_t bytes = read_kilobytes("/proc/meminfo", "MemAvailable:");
    return bytes >= 0 ? bytes : INT64_MAX;
}
