/* What a step asks of the exchange, in terms of the parts that travel (exchange_private.h): announcing a
 * block, waiting, publishing and taking. Sums and messages between teams are in exchange_sums.c. */
#include "exchange_private.h"

#include "llmpi/base/activity.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/clear.h"

#include <sched.h>
#include <time.h>

/* --- making one --- */

static enum status set_up(struct exchange *exchange, const struct parameter_table *table, struct comm *comm)
{
    bool sharded = exchange_is_sharded(exchange);
    TRY(ownership_create(table, sharded ? comm_size(comm) : 1, sharded ? comm_rank(comm) : 0,
                         &exchange->ownership));
    int64_t blocks = table->blocks;
    exchange->arriving = memory_allocate(blocks, sizeof *exchange->arriving, "the exchange");
    exchange->summands = memory_allocate(comm_size(comm), sizeof *exchange->summands, "the exchange");
    if (exchange->arriving == NULL || exchange->summands == NULL)
        return STATUS_FAILED;
    if (!sharded) {
        exchange->gradients = allocator_huge.allocate(
            allocator_huge.context, (size_t)table->trainable * sizeof *exchange->gradients, "gradients");
        return exchange->gradients != NULL ? STATUS_OK : STATUS_FAILED;
    }
    return STATUS_OK;
}

enum status exchange_create(const struct parameter_table *table, struct comm *comm,
                            const struct exchange_settings *settings, struct exchange **out)
{
    struct exchange *exchange = memory_allocate(1, sizeof *exchange, "the exchange");
    *out = NULL;
    if (exchange != NULL)
        *exchange = (struct exchange){.comm = comm, .settings = *settings};
    enum status status = exchange != NULL ? set_up(exchange, table, comm) : STATUS_FAILED;
    status = comm_agree(comm, status);
    if (status == STATUS_OK && exchange_is_sharded(exchange)) {
        status = team_create(comm, table->trainable * (int64_t)sizeof(float), "gradients", settings->regular,
                             &exchange->team);
        if (status == STATUS_OK && team_count(exchange->team) > 1)
            status = exchange_messages_create(exchange);
        if (status == STATUS_OK)
            exchange->gradients = team_memory(exchange->team, team_index(exchange->team));
    }
    if (status != STATUS_OK)
        exchange_destroy(exchange);
    else
        *out = exchange;
    return status;
}

void exchange_destroy(struct exchange *exchange)
{
    if (exchange == NULL)
        return;
    exchange_messages_destroy(exchange);
    if (exchange->team == NULL)
        allocator_huge.release(allocator_huge.context, exchange->gradients);
    team_destroy(exchange->team);
    ownership_free(&exchange->ownership);
    memory_free(exchange->arriving);
    memory_free(exchange->summands);
    memory_free(exchange);
}

float *exchange_gradients(const struct exchange *exchange)
{
    return exchange->gradients;
}

const struct ownership *exchange_ownership(const struct exchange *exchange)
{
    return &exchange->ownership;
}

bool exchange_is_sharded(const struct exchange *exchange)
{
    return exchange->settings.kind == EXCHANGE_SHARDED && comm_size(exchange->comm) > 1;
}

bool exchange_rounds(const struct exchange *exchange)
{
    return exchange->published_values != NULL;
}

bool exchange_has_messages(const struct exchange *exchange)
{
    return exchange->messages != NULL;
}

void exchange_log(const struct exchange *exchange)
{
    int ranks = comm_size(exchange->comm);
    if (ranks == 1)
        return;
    if (!exchange_is_sharded(exchange)) {
        log_info("exchange: MPI_Allreduce over %d ranks", ranks);
        return;
    }
    int teams = team_count(exchange->team);
    if (teams == 1)
        log_info("exchange: gradients and moments divided among %d ranks, through shared memory", ranks);
    else
        log_info("exchange: gradients and moments divided among %d ranks in %d groups with shared memory, %s "
                 "messages between them",
                 ranks, teams, exchange->settings.wire == ELEMENT_BF16 ? "bf16" : "fp32");
}

double exchange_message_seconds(struct exchange *exchange)
{
    return exchange->messages != NULL ? messages_seconds(exchange->messages) : 0;
}

/* --- waiting --- */

/* First without giving up the processor, then giving others a turn, then asleep: the ranks of a node may be
 * more than its cores. */
static void pause_for(int64_t *tries)
{
    static const struct timespec moment = {0, 50000};
    activity_wait();
    ++*tries;
    if (*tries > 2000)
        nanosleep(&moment, NULL);
    else if (*tries > 64)
        sched_yield();
}

/* --- sums --- */

void exchange_block_ready(struct exchange *exchange, int64_t block)
{
    struct share share = exchange->ownership.block[block];
    if (exchange->team == NULL) {
        comm_sum_float(exchange->comm, exchange->gradients + share.first, share.count);
        return;
    }
    if (block == exchange->ownership.blocks - 1)
        exchange_sums_begin(exchange);
    exchange->ready++;
    team_post(exchange->team, TEAM_READY, exchange->ready);
    exchange_sums_advance(exchange);
}

void exchange_finish(struct exchange *exchange)
{
    if (exchange->team == NULL)
        return;
    for (int64_t tries = 0; !exchange_sums_advance(exchange);)
        pause_for(&tries);
    activity_advance();
}

/* --- new parameters --- */

void exchange_publish(struct exchange *exchange, int64_t block, const float *values)
{
    if (exchange->team == NULL)
        return;
    if (block == 0)
        exchange_parameters_begin(exchange);
    exchange_parameters_send(exchange, block, values);
    exchange->own_published = block + 1;
    exchange_parameters_advance(exchange);
}

bool exchange_take(struct exchange *exchange, int64_t block, float *parameters)
{
    const struct ownership *ownership = &exchange->ownership;
    struct team *team = exchange->team;
    if (team == NULL || block < exchange->taken || exchange->rounds == 0)
        return false;
    int64_t wanted = (exchange->rounds - 1) * ownership->blocks + block + 1;
    for (int64_t tries = 0; !team_reached(team, TEAM_PUBLISHED, wanted);) {
        exchange_parameters_advance(exchange);
        pause_for(&tries);
    }
    activity_advance();
    for (int rank = 0; rank < ownership->ranks; rank++) {
        struct share part = ownership_part(ownership, block, rank);
        if (rank == ownership->rank && !exchange_rounds(exchange))
            continue; /* updated in place */
        const float *from = team_memory(team, exchange_carrier(exchange, rank));
        copy_floats(parameters + part.first, from + part.first, part.count);
    }
    exchange->taken = block + 1;
    if (exchange->taken == ownership->blocks)
        team_post(team, TEAM_TAKEN, exchange->rounds);
    return true;
}

void exchange_release(struct exchange *exchange)
{
    if (exchange->team == NULL)
        return;
    for (int64_t tries = 0;
         exchange_is_sending(exchange) || !team_reached(exchange->team, TEAM_TAKEN, exchange->rounds);)
        pause_for(&tries);
    activity_advance();
}
