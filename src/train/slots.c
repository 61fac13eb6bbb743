/* The arithmetic of slots. A binary counter of pending sums gives the same tree as adding neighbours
 * pairwise. */
#include "llmpi/train/slots.h"

#include "llmpi/base/integer.h"

void slots_piece(int64_t total, int64_t pieces, int64_t index, int64_t *first, int64_t *count)
{
    int64_t base = total / pieces, longer = total % pieces; /* the first `longer` pieces have one more */
    *first = index * base + smaller(index, longer);
    *count = base + (index < longer);
}

int64_t slots_buffers(int64_t slots)
{
    int64_t levels = 0;
    while (levels < 62 && (int64_t)1 << levels < slots)
        levels++;
    return levels;
}

int slots_merges(int64_t k, int64_t slots, int merged[63])
{
    int count = 0;
    for (int level = 0; level < 63 && k >> level != 0; level++) {
        if ((k >> level & 1) != 0)
            merged[count++] = level;
        else if (k + 1 < slots)
            break;
    }
    return count;
}
