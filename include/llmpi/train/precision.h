/* What a run computes with: the number format of its activations and matrix products (train.precision), the
 * code that multiplies, and the instruction sets. Ranks on unlike processors agree on what all of them have,
 * so that the slowest decides and all of them round alike. */
#ifndef LLMPI_TRAIN_PRECISION_H
#define LLMPI_TRAIN_PRECISION_H

#include "llmpi/base/cpu.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/kernels/element.h"

struct precision {
    enum element element;
    enum cpu_level level; /* instruction sets in use */
    const char *products; /* what computes matrix products: "blas", or a name of kernels/matmul_bf16.h */
};

/* "fp32", "bf16". */
const char *precision_name(enum element element);

/* The ranks agree: instruction sets are limited to the weakest rank's (cpu_limit), then what computes
 * products is chosen, then the precision: with train.precision `auto`, bf16 where the processors have AMX or
 * where its products are measured to be faster by a quarter (gemm_peak_gain), else fp32. Says which rank
 * decided where they differ. To be called once threads are set, and before weights are created. Fails when
 * memory for the measurement is missing. **Collective** */
enum status precision_agree(const struct config *config, struct comm *comm, struct precision *out);

/* One line about the choice, and a hint where another would be faster. */
void precision_log(const struct precision *precision);

#endif
