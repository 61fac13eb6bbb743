/* posix_memalign and realloc, checked. */
#include "llmpi/base/memory.h"

#include "llmpi/base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int64_t memory_peak(void)
{
    char line[256];
    long long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "re");
    if (file == NULL)
        return 0;
    while (kilobytes == 0 && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmHWM: %lld kB", &kilobytes) != 1)
            kilobytes = 0;
    fclose(file);
    return 1024 * (int64_t)kilobytes;
}
