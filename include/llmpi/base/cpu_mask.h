/* A set of logical processors under the numbers that Linux gives them (as in `taskset` and /proc/cpuinfo). A
 * plain value: copy it, compare it, send it to another rank; {0} is the empty set. */
#ifndef LLMPI_BASE_CPU_MASK_H
#define LLMPI_BASE_CPU_MASK_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { CPU_MASK_LIMIT = 4096 }; /* processors beyond are not seen */

struct cpu_mask {
    uint64_t words[CPU_MASK_LIMIT / 64]; /* bit i % 64 of word i / 64 is processor i, as in Linux's masks */
};

/* `cpu` lies in [0, CPU_MASK_LIMIT). */
bool cpu_mask_has(const struct cpu_mask *mask, int cpu);
void cpu_mask_add(struct cpu_mask *mask, int cpu);

int64_t cpu_mask_count(const struct cpu_mask *mask);
bool cpu_mask_equal(const struct cpu_mask *a, const struct cpu_mask *b);

/* mask becomes the union of both. */
void cpu_mask_join(struct cpu_mask *mask, const struct cpu_mask *other);

/* Reads Linux's list format, "0-3,8" with or without a newline (Documentation/admin-guide/kernel-parameters,
 * "cpu lists"). False, with an unspecified mask, for anything else; numbers beyond the limit are left out. */
bool cpu_mask_parse(const char *text, struct cpu_mask *out);

/* Appends the set in that format; nothing for the empty set. */
enum status cpu_mask_print(const struct cpu_mask *mask, struct buffer *out);

#endif
