/* What `llmpi plan` finds out, and the two ways to print it. */
#ifndef LLMPI_SRC_PROGRAMS_PLAN_H
#define LLMPI_SRC_PROGRAMS_PLAN_H

#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"
#include "llmpi/kernels/element.h"
#include "llmpi/model/parameters.h"
#include "llmpi/train/exchange_memory.h"

#include <stdbool.h>
#include <stdint.h>

struct plan {
    struct model_shape shape;
    bool vocabulary_known; /* from the tokenizer itself */
    int64_t embedding, attention, mlp, layernorm, head, adapters, total, trained, tensors;
    int64_t ranks, nodes, micro_batch, slots_per_rank, cores;
    enum element element;
    struct exchange_memory exchange;
    bool divided;           /* the exchange divides moments */
    int64_t gradient_bytes; /* per rank, and the next nine */
    int64_t moment_bytes, outer_bytes, packed_bytes, activation_bytes, logits_bytes, batch_bytes,
        program_bytes;
    int64_t files_bytes, snapshot_bytes, sample_bytes, memory_bytes;
    double flop_per_token, tokens_per_step, tokens;
    double speed;       /* tokens per second of all ranks */
    double matmul_rate; /* FLOP per second of this machine; 0: the speed was given */
};

/* Fills `out`, but for the speed, for ranks of so many threads (0: as many as here). Asks this machine for
 * the precision that is best on it, where the configuration leaves that open. */
enum status plan_make(const struct config *config, struct comm *comm, int64_t ranks, int64_t nodes,
                      int64_t threads, struct plan *out);

/* Bytes of the tensors in a checkpoint. */
double plan_checkpoint_bytes(const struct plan *plan);

void plan_print(const struct plan *plan, const struct config *config);
void plan_print_json(const struct plan *plan);

#endif
