/* Sets of processors as bits. Printing and parsing walk runs of neighbouring numbers. */
#include "llmpi/base/cpu_mask.h"

#include <stdlib.h>
#include <string.h>

bool cpu_mask_has(const struct cpu_mask *mask, int cpu)
{
    return (mask->words[cpu / 64] >> (cpu % 64) & 1) != 0;
}

void cpu_mask_add(struct cpu_mask *mask, int cpu)
{
    mask->words[cpu / 64] |= (uint64_t)1 << (cpu % 64);
}

int64_t cpu_mask_count(const struct cpu_mask *mask)
{
    int64_t count = 0;
    for (int i = 0; i < CPU_MASK_LIMIT / 64; i++)
        count += __builtin_popcountll(mask->words[i]);
    return count;
}

bool cpu_mask_equal(const struct cpu_mask *a, const struct cpu_mask *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

void cpu_mask_join(struct cpu_mask *mask, const struct cpu_mask *other)
{
    for (int i = 0; i < CPU_MASK_LIMIT / 64; i++)
        mask->words[i] |= other->words[i];
}

/* A number at *text, which moves behind it; -1 where none stands. */
static long read_number(const char **text)
{
    if (**text < '0' || **text > '9')
        return -1;
    char *end;
    long number = strtol(*text, &end, 10);
    *text = end;
    return number;
}

bool cpu_mask_parse(const char *text, struct cpu_mask *out)
{
    *out = (struct cpu_mask){0};
    for (;;) {
        long first = read_number(&text), last = first;
        if (*text == '-') {
            text++;
            last = read_number(&text);
        }
        if (first < 0 || last < first)
            return false;
        for (long cpu = first; cpu <= last && cpu < CPU_MASK_LIMIT; cpu++)
            cpu_mask_add(out, (int)cpu);
        if (*text != ',')
            return *text == '\0' || strcmp(text, "\n") == 0;
        text++;
    }
}

enum status cpu_mask_print(const struct cpu_mask *mask, struct buffer *out)
{
    const char *comma = "";
    for (int cpu = 0; cpu < CPU_MASK_LIMIT; cpu++) {
        if (!cpu_mask_has(mask, cpu))
            continue;
        int last = cpu;
        while (last + 1 < CPU_MASK_LIMIT && cpu_mask_has(mask, last + 1))
            last++;
        if (last == cpu)
            TRY(buffer_printf(out, "%s%d", comma, cpu));
        else
            TRY(buffer_printf(out, "%s%d-%d", comma, cpu, last));
        comma = ",";
        cpu = last;
    }
    return STATUS_OK;
}
