/* The exchange: gradients of all ranks become their sums, and updated parameters come back to all ranks.
 *
 * Every rank owns a part of each block (ownership.h). As soon as a block's gradient is complete on a rank, it
 * says so (exchange_block_ready). Inside a team of ranks that share memory (comm/team.h), the sum of each
 * part is formed by one of them, which reads the others' gradients where they lie; between teams such sums
 * travel in messages to the owner, who adds them. Both sums follow fixed binary trees, so that no bit depends
 * on who was faster. The owner updates its part and publishes it (exchange_publish), in the place of the
 * gradient, which nobody needs any more; the ranks take the new parameters block by block before the next
 * forward pass uses them (exchange_take). In messages, numbers are fp32 or rounded to bf16 (`wire`); sums are
 * fp32 in any case, and what a rank computes with is then rounded on all ranks alike, the owner's included.
 *
 * With EXCHANGE_ALLREDUCE every rank owns everything and MPI_Allreduce sums each block in place: the plain
 * reference. A single rank sends nothing.
 *
 * One step: exchange_block_ready for all blocks from the last to the first, exchange_finish, on the owner
 * exchange_publish for all blocks from the first to the last, on every rank exchange_take in the same order,
 * exchange_release before the gradients are written again. */
#ifndef LLMPI_TRAIN_EXCHANGE_H
#define LLMPI_TRAIN_EXCHANGE_H

#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/kernels/element.h"
#include "llmpi/train/ownership.h"

#include <stdbool.h>
#include <stdint.h>

struct exchange;

enum exchange_kind { EXCHANGE_SHARDED, EXCHANGE_ALLREDUCE };

struct exchange_settings {
    enum exchange_kind kind;
    enum element wire;    /* of messages between teams */
    int64_t bucket_bytes; /* of a block's gradient that travel as one unit; can be changed between steps */
    bool regular;         /* the sum must not depend on which ranks share a node (team_create) */
};

/* Takes memory for the gradients of what is trained of a table. **Collective** */
enum status exchange_create(const struct parameter_table *table, struct comm *comm,
                            const struct exchange_settings *settings, struct exchange **out);

/* Waits for what is on its way. NULL is fine. **Collective** */
void exchange_destroy(struct exchange *exchange);

/* This rank's gradients, of the table's trained parameters. After exchange_finish its own parts hold sums. */
float *exchange_gradients(const struct exchange *exchange);

const struct ownership *exchange_ownership(const struct exchange *exchange);

/* Whether each rank owns only a part. */
bool exchange_is_sharded(const struct exchange *exchange);

/* Whether ranks compute with rounded parameters, so that the owner keeps exact ones beside them. */
bool exchange_rounds(const struct exchange *exchange);

/* Whether messages between teams are needed, so that the size of buckets matters. */
bool exchange_has_messages(const struct exchange *exchange);
void exchange_set_bucket(struct exchange *exchange, int64_t bytes);

/* This rank's gradient of `block` is complete. Does whatever can be done without waiting. */
void exchange_block_ready(struct exchange *exchange, int64_t block);

/* Waits until this rank's parts of all blocks hold their sums, and nobody reads its gradients any more. */
void exchange_finish(struct exchange *exchange);

/* The new values of this rank's part of `block`, which are copied; `values` are the packed part. */
void exchange_publish(struct exchange *exchange, int64_t block, const float *values);

/* Waits for the new values of `block` and copies them into the parameter array, its own part included where
 * the wire rounds. Nothing happens where they were taken before. True when something was taken. */
bool exchange_take(struct exchange *exchange, int64_t block, float *parameters);

/* All blocks are taken: waits until nobody reads this rank's gradients any more. */
void exchange_release(struct exchange *exchange);

/* Seconds so far in which messages were on their way. */
double exchange_message_seconds(struct exchange *exchange);

/* Says in a line how ranks exchange: "exchange: sharded over 8 ranks, 2 nodes, ..." */
void exchange_log(const struct exchange *exchange);

#endif
