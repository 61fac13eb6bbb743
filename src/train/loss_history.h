/* The losses of the last steps, and how far the next one lies above them: a spike is a loss whose z-score,
 * its distance from the mean in standard deviations, is beyond a limit (as in OLMo 2, arXiv:2501.00656,
 * section 3: of losses and norms, 6 over 128 steps). Losses of spikes count too, so that a lasting change is
 * taken for what it is after a while. The same losses in the same order give the same bits. */
#ifndef LLMPI_SRC_TRAIN_LOSS_HISTORY_H
#define LLMPI_SRC_TRAIN_LOSS_HISTORY_H

#include "llmpi/base/status.h"

#include <stdint.h>

struct loss_history {
    double *losses; /* number i of all lies at i modulo capacity */
    int64_t capacity, count;
};

/* Of the last `capacity` losses; 0: none are kept. */
enum status loss_history_create(int64_t capacity, struct loss_history *out);
void loss_history_free(struct loss_history *history);

void loss_history_clear(struct loss_history *history);
void loss_history_add(struct loss_history *history, double loss);

/* The z-score of a loss that comes next; 0 while less than half of the losses are there, or all are equal. */
double loss_history_score(const struct loss_history *history, double loss);

#endif
