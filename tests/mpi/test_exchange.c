/* The exchange on 1 to 4 ranks, in teams of all sizes, with both formats on the wire: sums of random
 * gradients, and new parameters, over several rounds. The seeds are known, so that every rank can make every
 * rank's gradients and form the sums itself. */
#include "check.h"

#include "llmpi/base/digest.h"
#include "llmpi/base/memory.h"
#include "llmpi/train/exchange.h"
#include "reference/samples.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 4, MOST = 4 };

/* Blocks of several chunks, and blocks of less than one, so that some ranks own nothing. */
static const struct model_shape shapes[] = {{.n_layer = 2,
                                             .n_head = 2,
                                             .n_embd = 32,
                                             .context_length = 32,
                                             .vocab_size = 512,
                                             .bias = true,
                                             .tied_head = true},
                                            {.n_layer = 3,
                                             .n_head = 1,
                                             .n_embd = 2,
                                             .context_length = 4,
                                             .vocab_size = 9,
                                             .bias = true,
                                             .tied_head = false}};

struct trial {
    struct comm *comm;
    struct exchange *exchange;
    struct exchange_settings settings;
    int64_t total, blocks;
    int team_limit;         /* ranks of a team */
    float *gradients[MOST]; /* of each rank, of the round in work */
    float *sums;            /* as expected */
    double *room;           /* how far each may be off */
    float *parameters;
};

/* Elements are added pairwise: the left part is the largest power of two below the whole. */
static float pairwise(const float *values, int count)
{
    int left = 1;
    if (count == 1)
        return values[0];
    while (left * 2 < count)
        left *= 2;
    volatile float a = pairwise(values, left), b = pairwise(values + left, count - left);
    return a + b;
}

/* First within teams, then over them; with regular teams that is one tree over all ranks. */
static void expect_sum(struct trial *trial, int64_t i)
{
    int size = comm_size(trial->comm), teams = 0;
    float values[MOST], sums[MOST];
    double magnitude = 0;
    for (int rank = 0; rank < size; rank++) {
        values[rank] = trial->gradients[rank][i];
        magnitude += fabs((double)values[rank]);
    }
    for (int first = 0; first < size; first += trial->team_limit) {
        int left = size - first;
        sums[teams++] = pairwise(values + first, left < trial->team_limit ? left : trial->team_limit);
    }
    trial->sums[i] = trial->settings.regular ? pairwise(values, size) : pairwise(sums, teams);
    trial->room[i] = 0;
    if (trial->settings.kind == EXCHANGE_ALLREDUCE)
        trial->room[i] = 1e-6 * magnitude; /* a few roundings of half of 1.2e-7 */
    else if (exchange_rounds(trial->exchange))
        for (int team = 0; team < teams; team++) /* each but the owner's is rounded */
            trial->room[i] += fabs((double)sums[team]) * BF16_HALF_STEP + 1e-6 * magnitude;
}

/* The gradients of all ranks in a round; this rank's go where the exchange reads them. */
static void make_gradients(struct trial *trial, int round)
{
    int size = comm_size(trial->comm);
    float *mine = exchange_gradients(trial->exchange);
    for (int rank = 0; rank < size; rank++) {
        free(trial->gradients[rank]);
        trial->gradients[rank] = samples(trial->total, (uint64_t)(100 * round + rank + 1), 1.0);
    }
    memcpy(mine, trial->gradients[comm_rank(trial->comm)], (size_t)trial->total * sizeof *mine);
    for (int64_t i = 0; i < trial->total; i++)
        expect_sum(trial, i);
}

/* Ranks are fast and slow by turns. */
static void dawdle(const struct trial *trial, int64_t turn)
{
    struct timespec moment = {0, 200000 * ((comm_rank(trial->comm) + turn) % 3)};
    nanosleep(&moment, NULL);
}

static void check_sums(struct trial *trial, int round)
{
    const struct ownership *ownership = exchange_ownership(trial->exchange);
    const float *got = exchange_gradients(trial->exchange);
    int64_t wrong = -1;
    for (int64_t block = 0; block < trial->blocks; block++) {
        struct share part = ownership_part(ownership, block, ownership->rank);
        for (int64_t i = part.first; i < part.first + part.count; i++) {
            bool right = trial->room[i] == 0
                             ? memcmp(&got[i], &trial->sums[i], sizeof *got) == 0
                             : fabs((double)got[i] - (double)trial->sums[i]) <= trial->room[i];
            wrong = right ? wrong : i;
        }
    }
    int64_t at = wrong < 0 ? 0 : wrong;
    CHECK(trial->comm, wrong < 0,
          "teams of %d, wire %d, round %d: sum %lld is %.9g, not %.9g within %.3g on rank %d",
          trial->team_limit, (int)trial->settings.wire, round, (long long)wrong, (double)got[at],
          (double)trial->sums[at], trial->room[at], comm_rank(trial->comm));
}

/* Owners add their sums to the parameters and tell the others. Where ranks get them rounded, `exact` keeps
 * what was told. */
static void update(struct trial *trial, float *exact)
{
    const struct ownership *ownership = exchange_ownership(trial->exchange);
    const float *sums = exchange_gradients(trial->exchange);
    for (int64_t block = 0; block < trial->blocks; block++) {
        struct share part = ownership_part(ownership, block, ownership->rank);
        for (int64_t i = part.first; i < part.first + part.count; i++)
            exact[i] = trial->parameters[i] + sums[i];
        if (!exchange_rounds(trial->exchange))
            memcpy(trial->parameters + part.first, exact + part.first, (size_t)part.count * sizeof *exact);
        dawdle(trial, block);
        exchange_publish(trial->exchange, block, exact + part.first);
    }
    for (int64_t block = 0; block < trial->blocks; block++) {
        dawdle(trial, trial->blocks - block);
        bool taken = exchange_take(trial->exchange, block, trial->parameters);
        if (taken != exchange_is_sharded(trial->exchange))
            trial->parameters[0] = NAN; /* check_parameters says it */
        if (exchange_take(trial->exchange, block, trial->parameters))
            trial->parameters[0] = NAN; /* twice */
    }
}

/* The same bits on all ranks, and what the owner told, rounded once where the wire rounds. */
static void check_parameters(struct trial *trial, const float *before, const float *exact, int round)
{
    const struct ownership *ownership = exchange_ownership(trial->exchange);
    bool rounds = exchange_rounds(trial->exchange);
    int64_t digest = (int64_t)digest_bytes(trial->parameters, (size_t)trial->total * sizeof(float));
    int64_t all[MOST], wrong = -1;
    for (int64_t i = 0; i < trial->total; i++) {
        double wanted = (double)before[i] + (double)trial->sums[i], got = (double)trial->parameters[i];
        double room = trial->room[i] + (rounds ? (fabs(wanted) + trial->room[i]) * BF16_HALF_STEP : 0);
        bool right = room == 0 ? trial->parameters[i] == before[i] + trial->sums[i]
                               : fabs(got - wanted) <= room + 1e-6;
        wrong = right ? wrong : i;
    }
    for (int64_t block = 0; block < trial->blocks && rounds; block++) {
        struct share part = ownership_part(ownership, block, ownership->rank);
        for (int64_t i = part.first; i < part.first + part.count; i++) {
            bf16 rounded;
            float widened;
            element_from_float(&rounded, &exact[i], 1);
            element_to_float(&widened, &rounded, 1);
            wrong = trial->parameters[i] == widened ? wrong : i;
        }
    }
    CHECK(trial->comm, wrong < 0, "teams of %d, wire %d, round %d: parameter %lld is %.9g on rank %d",
          trial->team_limit, (int)trial->settings.wire, round, (long long)wrong,
          (double)trial->parameters[wrong < 0 ? 0 : wrong], comm_rank(trial->comm));
    comm_gather(trial->comm, &digest, sizeof digest, all);
    for (int rank = 0; rank < comm_size(trial->comm); rank++)
        wrong = all[rank] == all[0] ? wrong : rank;
    CHECK(trial->comm, wrong < 0, "round %d: rank %lld has other parameters than rank 0", round,
          (long long)wrong);
}

/* Gradients are written again at once; whoever still reads parameters there would notice. */
static void spoil(struct trial *trial)
{
    float *mine = exchange_gradients(trial->exchange);
    exchange_release(trial->exchange);
    for (int64_t i = 0; i < trial->total; i++)
        mine[i] = NAN;
}

static void run_round(struct trial *trial, int round)
{
    float *before = repeated(trial->total, 0), *exact = repeated(trial->total, 0);
    memcpy(before, trial->parameters, (size_t)trial->total * sizeof *before);
    make_gradients(trial, round);
    for (int64_t block = trial->blocks - 1; block >= 0; block--) {
        dawdle(trial, block + round);
        exchange_block_ready(trial->exchange, block);
    }
    exchange_finish(trial->exchange);
    check_sums(trial, round);
    update(trial, exact);
    spoil(trial);
    check_parameters(trial, before, exact, round);
    free(before), free(exact);
}

static int limit_of_teams(const struct trial *trial, int limit)
{
    int size = comm_size(trial->comm);
    bool equal = limit >= size || (size % limit == 0 && (limit & (limit - 1)) == 0);
    return trial->settings.regular && !equal ? 1 : limit;
}

/* Bucket sizes change from round to round and may change nothing else. */
static void test_exchange(struct comm *comm, const struct model_shape *shape, int limit,
                          struct exchange_settings settings)
{
    char text[16];
    struct parameter_table table;
    struct trial trial = {.comm = comm, .settings = settings};
    snprintf(text, sizeof text, "%d", limit);
    setenv("LLMPI_TEAM_SIZE", text, 1);
    CHECK(comm, parameter_table_create(shape, &table) == STATUS_OK, "%s", status_message());
    enum status status = exchange_create(&table, comm, &settings, &trial.exchange);
    CHECK(comm, status == STATUS_OK, "%s", status_message());
    trial.total = table.total;
    trial.blocks = table.blocks;
    trial.team_limit = limit_of_teams(&trial, limit);
    trial.sums = repeated(table.total, 0);
    trial.parameters = repeated(table.total, 1);
    trial.room = zeros(table.total);
    bool divided = settings.kind == EXCHANGE_SHARDED && comm_size(comm) > 1;
    bool messages = divided && trial.team_limit < comm_size(comm);
    CHECK(comm,
          exchange_is_sharded(trial.exchange) == divided &&
              exchange_has_messages(trial.exchange) == messages &&
              exchange_rounds(trial.exchange) == (messages && settings.wire == ELEMENT_BF16),
          "teams of %d: the exchange is not of the wanted kind", limit);
    for (int round = 0; round < ROUNDS; round++) {
        static const int64_t divisors[ROUNDS] = {1, 7, 1 << 20, 2}; /* by 2^20: single elements */
        if (exchange_has_messages(trial.exchange) && table.total < 10000)
            exchange_set_bucket(trial.exchange, settings.bucket_bytes / divisors[round]);
        else if (exchange_has_messages(trial.exchange))
            exchange_set_bucket(trial.exchange, settings.bucket_bytes / (round + 1));
        run_round(&trial, round);
    }
    exchange_destroy(trial.exchange);
    for (int rank = 0; rank < comm_size(comm); rank++)
        free(trial.gradients[rank]);
    free(trial.sums), free(trial.parameters), free(trial.room);
    parameter_table_free(&table);
}

int main(void)
{
    struct comm *comm;
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        test_exchange(comm, &shapes[s], MOST, (struct exchange_settings){.kind = EXCHANGE_ALLREDUCE});
        for (int limit = 1; limit <= comm_size(comm); limit++) {
            struct exchange_settings settings = {.kind = EXCHANGE_SHARDED, .bucket_bytes = 16 << 20};
            test_exchange(comm, &shapes[s], limit, settings);
            settings.bucket_bytes = 4000; /* many buckets, of pieces with odd lengths */
            test_exchange(comm, &shapes[s], limit, settings);
            settings.regular = true;
            test_exchange(comm, &shapes[s], limit, settings);
            settings.regular = false;
            settings.wire = ELEMENT_BF16;
            test_exchange(comm, &shapes[s], limit, settings);
        }
    }
    comm_end(comm);
    return 0;
}
