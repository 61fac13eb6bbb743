/* Which checkpoints stay, by rule alone. */
#ifndef LLMPI_SRC_TRAIN_RETENTION_H
#define LLMPI_SRC_TRAIN_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

struct retention_rules {
    int64_t keep;  /* the newest that many stay; 0: all */
    int64_t every; /* those of steps that are multiples of it stay; 0: none for that reason */
    int64_t best;  /* of those with a validation loss the lowest that many stay */
};

struct retention_file {
    int64_t step;
    double loss; /* validation loss; NAN: not known */
    bool whole;  /* as far as a short look can tell */
    bool stays;  /* the answer */
};

/* Decides about files in order of their steps. A file that is not whole takes nobody's place: it stays as
 * long as the oldest of the newest that stay is older. Of equal losses the later step is the better one.
 * Returns the index of the best file that is whole, or -1 where no loss is known. */
int64_t retention_decide(const struct retention_rules *rules, struct retention_file *files, int64_t count);

#endif
