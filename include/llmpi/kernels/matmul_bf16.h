/* Which code computes products of bf16 numbers in this process. The providers, fastest first: "tiles" (own
 * kernels) on AMX, "onednn" (the library, where the build found it), "tiles" on AVX512_BF16, "plain" (any
 * processor). The first one that the instruction sets in use allow is taken, unless the environment variable
 * LLMPI_MATMUL names another. A weight keeps the form of the provider that was in use when it was created. */
#ifndef LLMPI_KERNELS_MATMUL_BF16_H
#define LLMPI_KERNELS_MATMUL_BF16_H

#include "llmpi/base/status.h"

#include <stdbool.h>

/* STATUS_USAGE when LLMPI_MATMUL is no provider's name, or names one that this build or processor lacks. */
enum status matmul_bf16_check(void);

/* The place of the provider in use in the order above, the same in every build. */
int matmul_bf16_index(void);

/* From now on no provider before place `index`, whatever LLMPI_MATMUL says: ranks that find unlike places
 * agree on the largest. Only raises; before weights are created. (Ranks of unlike builds look at their places
 * again afterwards: one that lacks the provider is now at a later place.) */
void matmul_bf16_limit(int index);

/* The name of the provider in use. */
const char *matmul_bf16_name(void);

/* Whether the provider in use multiplies bf16 numbers by instructions for them, which may be faster than
 * fp32; `plain` never is. */
bool matmul_bf16_native(void);

/* "2.6.3", or "none" in a build without oneDNN, for `llmpi --version`. */
const char *matmul_bf16_onednn(void);

#endif
