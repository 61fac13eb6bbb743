/* Every size gets two steps, of which the better counts; one step before them warms up. */
#include "bucket_trial.h"

#include "llmpi/base/log.h"

#include <math.h>

static const int64_t sizes[] = {BUCKET_TRIAL_LARGEST >> 4, BUCKET_TRIAL_LARGEST >> 2, BUCKET_TRIAL_LARGEST};

enum { SIZES = sizeof sizes / sizeof *sizes, TRIES = 2 };

void bucket_trial_begin(struct bucket_trial *trial, struct exchange *exchange, int64_t bucket_mb)
{
    bool wanted = bucket_mb == 0 && exchange_has_messages(exchange);
    *trial = (struct bucket_trial){.step = wanted ? 0 : -1, .best_seconds = INFINITY};
}

void bucket_trial_note(struct bucket_trial *trial, struct exchange *exchange, double waited)
{
    if (trial->step < 0)
        return;
    if (trial->step > 0) {
        int64_t index = (trial->step - 1) / TRIES;
        bool first = (trial->step - 1) % TRIES == 0;
        trial->seconds = first || waited < trial->seconds ? waited : trial->seconds;
        if (trial->seconds < trial->best_seconds) {
            trial->best_seconds = trial->seconds;
            trial->best = sizes[index];
        }
    }
    int64_t next = trial->step / TRIES;
    trial->step++;
    if (next < SIZES) {
        exchange_set_bucket(exchange, sizes[next]);
        return;
    }
    exchange_set_bucket(exchange, trial->best);
    trial->step = -1;
    log_info(
        "exchange: buckets of %lld MiB, with which the ranks waited least (%.1f ms a step; train.bucket_mb "
        "fixes it)",
        (long long)(trial->best >> 20), 1e3 * trial->best_seconds);
}
