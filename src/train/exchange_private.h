/* What the files of the exchange share. Between teams a part travels as follows. In each team one rank, the
 * carrier of a part, adds up the part's gradients of its team, in its own gradients; the carriers in other
 * teams send such sums to the owner. New values go the same way back. The carrier of a part is, in the
 * owner's team, the owner, and in another team the rank at the owner's place (modulo the size of the team).
 */
#ifndef LLMPI_SRC_TRAIN_EXCHANGE_PRIVATE_H
#define LLMPI_SRC_TRAIN_EXCHANGE_PRIVATE_H

#include "llmpi/comm/messages.h"
#include "llmpi/comm/team.h"
#include "llmpi/kernels/tree_sum.h"
#include "llmpi/train/exchange.h"

#define EXCHANGE_WINDOW 4 /* buckets on their way at a time */

/* A bucket is piece number `piece` of every rank's part of a block. */
struct bucket_place {
    int64_t block, piece;
};

/* What a bucket on its way needs. */
struct bucket_slot {
    message_count arriving, leaving;
    char *incoming; /* of each other team a piece of this rank's part */
    bf16 *outgoing; /* rounded pieces of the parts that this rank carries; NULL with an fp32 wire */
};

struct exchange {
    struct comm *comm;
    struct exchange_settings settings;
    struct ownership ownership;
    struct team *team; /* NULL: every rank owns everything */
    float *gradients;
    struct summand *summands; /* room for one of each rank */

    /* Sums of this step. Blocks announced since the beginning of the run; the buckets next to be summed
     * within the team and sent, and next to be completed by what comes from other teams. */
    int64_t ready, ready_before;
    struct bucket_place carry, complete;
    int64_t carried, completed; /* buckets so far; a bucket's slot is its number modulo EXCHANGE_WINDOW */

    /* New parameters of this round: how many of the run's rounds have begun, and how many blocks this rank
     * has published of its own parts, of all that it carries, and has taken. */
    int64_t rounds, own_published, published, taken;

    /* Messages; all NULL with one team. */
    struct messages *messages;
    struct bucket_slot slots[EXCHANGE_WINDOW];
    int64_t piece, largest_piece; /* elements of a part's piece, and the most that memory was taken for */
    message_count leaving;        /* new parameters being sent */
    message_count *arriving;      /* of each block, new parameters that this rank carries */
    bf16 *published_values;       /* packed like the parts, with a bf16 wire */
};

/* Place in this rank's team of the carrier of `owner`'s parts. */
int exchange_carrier(const struct exchange *exchange, int owner);

/* Memory for messages between teams. **Collective** */
enum status exchange_messages_create(struct exchange *exchange);
void exchange_messages_destroy(struct exchange *exchange);

/* The gradients of a step begin to come; do what can be done without waiting, true when all sums are there.
 */
void exchange_sums_begin(struct exchange *exchange);
bool exchange_sums_advance(struct exchange *exchange);

/* A round of new parameters begins; this rank's part of a block goes into place and to other teams; carried
 * parts that have come are announced to the team. */
void exchange_parameters_begin(struct exchange *exchange);
void exchange_parameters_send(struct exchange *exchange, int64_t block, const float *values);
void exchange_parameters_advance(struct exchange *exchange);

/* Whether new parameters of this rank are still on their way to other teams. */
bool exchange_is_sending(struct exchange *exchange);

#endif
