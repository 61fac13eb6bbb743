/* A ring, read from the oldest loss on, so that a run that continues adds in the same order. */
#include "loss_history.h"

#include "llmpi/base/memory.h"

#include <math.h>

enum status loss_history_create(int64_t capacity, struct loss_history *out)
{
    *out = (struct loss_history){.capacity = capacity};
    if (capacity == 0)
        return STATUS_OK;
    out->losses = memory_allocate(capacity, sizeof *out->losses, "the last losses");
    return out->losses != NULL ? STATUS_OK : STATUS_FAILED;
}

void loss_history_free(struct loss_history *history)
{
    memory_free(history->losses);
    *history = (struct loss_history){0};
}

void loss_history_clear(struct loss_history *history)
{
    history->count = 0;
}

void loss_history_add(struct loss_history *history, double loss)
{
    if (history->capacity > 0)
        history->losses[history->count++ % history->capacity] = loss;
}

double loss_history_score(const struct loss_history *history, double loss)
{
    int64_t first = history->count > history->capacity ? history->count - history->capacity : 0;
    int64_t kept = history->count - first;
    double sum = 0, squares = 0;
    if (kept < 2 || 2 * kept < history->capacity)
        return 0;
    for (int64_t i = first; i < history->count; i++)
        sum += history->losses[i % history->capacity];
    double mean = sum / (double)kept;
    for (int64_t i = first; i < history->count; i++) {
        double off = history->losses[i % history->capacity] - mean;
        squares += off * off;
    }
    return squares > 0 ? (loss - mean) / sqrt(squares / (double)(kept - 1)) : 0;
}
