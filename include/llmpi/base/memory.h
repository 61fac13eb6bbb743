/* Heap memory with a clear message when there is none, and the allocator that large consumers take as an
 * argument. */
#ifndef LLMPI_BASE_MEMORY_H
#define LLMPI_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define MEMORY_ALIGNMENT 64 /* bytes: a cache line, and the widest vector register */

/* `count` zeroed elements of `size` bytes, aligned to MEMORY_ALIGNMENT. The caller frees with memory_free().
 * Returns NULL after fail(STATUS_FAILED, "out of memory: ... for `what`") when there is no memory, or count
 * is negative, or count * size overflows. Zero elements give a valid pointer. */
void *memory_allocate(int64_t count, size_t size, const char *what);

/* Grows (or shrinks) `old`, which came from malloc, realloc or this function (not memory_allocate), to
 * `count` elements; new bytes are not set. Free with free(). Returns NULL after fail() like memory_allocate,
 * with `old` untouched. */
void *memory_resize(void *old, int64_t count, size_t size, const char *what);

/* The array `old` of *capacity elements, of which `count` are used, with room for one more: itself, or twice
 * as large by memory_resize, and *capacity with it. NULL after fail(), with both untouched. */
void *memory_grow(void *old, int64_t count, int64_t *capacity, size_t size, const char *what);

/* A copy of the first `length` bytes of `text` with a NUL after them; free with free(). NULL after fail(). */
char *memory_copy_text(const char *text, size_t length);

/* Frees what memory_allocate gave; NULL is fine. */
void memory_free(void *pointer);

/* The largest resident memory of this process so far, in bytes (VmHWM of Linux's /proc); 0 where the system
 * does not say. */
int64_t memory_peak(void);

/* Bytes that this machine could still give without swapping (MemAvailable of Linux's /proc); INT64_MAX where
 * the system does not say. Limits of a control group are not looked at. */
int64_t memory_available(void);

/* Where parameters, gradients and activations of a model come from. `allocate` behaves like memory_allocate
 * for bytes; releasing NULL is fine. */
struct allocator {
    void *(*allocate)(void *context, size_t bytes, const char *what);
    void (*release)(void *context, void *pointer);
    void *context;
};

/* The allocator over memory_allocate and memory_free. */
extern const struct allocator allocator_plain;

/* Asks for huge pages (2 MiB, Linux's transparent ones) for what is at least as large as one: a product that
 * walks over many rows then misses the table of addresses less. Where the system has none, pages are plain.
 * Such memory is zero because the system gives it so, and no page is there before it is used: it comes to lie
 * near the thread that first writes to it. */
extern const struct allocator allocator_huge;

#endif
