/* Which size of buckets the exchange shall use: some are tried in the first steps of a run, and the one with
 * which the ranks waited least stays. All ranks decide by the same numbers, and the size changes no bit of
 * the result. */
#ifndef LLMPI_SRC_TRAIN_BUCKET_TRIAL_H
#define LLMPI_SRC_TRAIN_BUCKET_TRIAL_H

#include "llmpi/train/exchange.h"

#define BUCKET_TRIAL_LARGEST ((int64_t)16 << 20) /* bytes */

struct bucket_trial {
    int64_t step; /* of the trial; -1: none is made, or it is over */
    int64_t best; /* bytes */
    double seconds, best_seconds;
};

/* A trial where messages are sent and the user has chosen no size (`bucket_mb` 0). */
void bucket_trial_begin(struct bucket_trial *trial, struct exchange *exchange, int64_t bucket_mb);

/* After each step: the ranks waited so long, the most of them. */
void bucket_trial_note(struct bucket_trial *trial, struct exchange *exchange, double waited);

#endif
