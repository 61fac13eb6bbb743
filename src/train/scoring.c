/* Requests are sorted by length and cut into batches, in which the shorter ones are padded at their end (what
 * comes later, no token sees). A batch goes to the rank that has the least work so far. Each answer has one
 * writer, so the sums over the ranks that spread them are exact. */
#include "llmpi/train/scoring.h"

#include "llmpi/base/integer.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"

#include <stdlib.h>

enum { BATCH_TOKENS = 4096 };
enum { SUM_LIKELIHOOD, SUM_GREEDY, SUMS };

/* A request without what the model cannot see. */
struct piece {
    int64_t request, first, inputs, scored;
};

struct workspace {
    struct piece *pieces;
    double *sums; /* (requests, SUMS) */
    double *load; /* work given to each rank so far */
    uint32_t *tokens, *targets;
    int64_t *rows;
    float *losses;
    bool *largest;
};

int64_t scoring_sequences(int64_t context_length)
{
    return context_length < BATCH_TOKENS ? BATCH_TOKENS / context_length : 1;
}

static enum status allocate(struct workspace *work, int64_t requests, int64_t capacity, int ranks)
{
    work->pieces = memory_allocate(requests, sizeof *work->pieces, "texts to score");
    work->sums = memory_allocate(requests * SUMS, sizeof *work->sums, "scores");
    work->load = memory_allocate(ranks, sizeof *work->load, "work of the ranks");
    work->tokens = memory_allocate(capacity, sizeof *work->tokens, "a batch of tokens");
    work->targets = memory_allocate(capacity, sizeof *work->targets, "a batch of targets");
    work->rows = memory_allocate(capacity, sizeof *work->rows, "rows of a batch");
    work->losses = memory_allocate(capacity, sizeof *work->losses, "losses of a batch");
    work->largest = memory_allocate(capacity, sizeof *work->largest, "arg-max of a batch");
    return work->pieces != NULL && work->sums != NULL && work->load != NULL && work->tokens != NULL &&
                   work->targets != NULL && work->rows != NULL && work->losses != NULL &&
                   work->largest != NULL
               ? STATUS_OK
               : STATUS_FAILED;
}

static void release(struct workspace *work)
{
    memory_free(work->pieces);
    memory_free(work->sums);
    memory_free(work->load);
    memory_free(work->tokens);
    memory_free(work->targets);
    memory_free(work->rows);
    memory_free(work->losses);
    memory_free(work->largest);
}

static struct piece visible_piece(const struct score_request *request, int64_t index, int64_t context_length)
{
    int64_t inputs = request->count - 1;
    int64_t kept = smaller(inputs, context_length);
    return (struct piece){.request = index,
                          .first = request->first + inputs - kept,
                          .inputs = kept,
                          .scored = request->scored < kept ? request->scored : kept};
}

/* The longest first: what is left for the end, when ranks wait for each other, is short. */
static int compare_pieces(const void *a, const void *b)
{
    const struct piece *left = a, *right = b;
    if (left->inputs != right->inputs)
        return left->inputs < right->inputs ? 1 : -1;
    return left->request < right->request ? -1 : 1;
}

/* How many of `left` pieces, of which the first is the longest, make a batch. */
static int64_t batch_size(const struct piece *pieces, int64_t left, int64_t capacity)
{
    int64_t most = capacity / pieces[0].inputs;
    return smaller(left, most);
}

/* Products of a batch: those of the blocks for every row, padding included, the head's for scored tokens. */
static double batch_cost(const struct model_shape *shape, const struct piece *pieces, int64_t count)
{
    double width = (double)shape->n_embd, scored = 0;
    for (int64_t i = 0; i < count; i++)
        scored += (double)pieces[i].scored;
    return (double)(count * pieces[0].inputs) * 12 * (double)shape->n_layer * width * width +
           scored * width * (double)shape->vocab_size;
}

static int least_loaded(const double *load, int ranks)
{
    int least = 0;
    for (int rank = 1; rank < ranks; rank++)
        if (load[rank] < load[least])
            least = rank;
    return least;
}

static void fill_batch(struct workspace *work, const uint32_t *tokens, const struct piece *pieces,
                       int64_t count, int64_t *scored)
{
    int64_t length = pieces[0].inputs;
    *scored = 0;
    for (int64_t i = 0; i < count; i++) {
        const struct piece *piece = &pieces[i];
        for (int64_t t = 0; t < length; t++)
            work->tokens[i * length + t] = t < piece->inputs ? tokens[piece->first + t] : 0;
        for (int64_t t = piece->inputs - piece->scored; t < piece->inputs; t++) {
            work->rows[*scored] = i * length + t;
            work->targets[(*scored)++] = tokens[piece->first + t + 1];
        }
    }
}

static void score_batch(struct train_state *state, struct workspace *work, const uint32_t *tokens,
                        const struct piece *pieces, int64_t count)
{
    int64_t scored, next = 0;
    fill_batch(work, tokens, pieces, count, &scored);
    struct batch batch = {.sequences = count, .length = pieces[0].inputs, .tokens = work->tokens};
    model_score(state->model, &batch, work->rows, work->targets, scored, work->losses, work->largest);
    for (int64_t i = 0; i < count; i++) {
        double *sums = work->sums + pieces[i].request * SUMS;
        sums[SUM_GREEDY] = 1;
        for (int64_t t = 0; t < pieces[i].scored; t++, next++) {
            sums[SUM_LIKELIHOOD] -= (double)work->losses[next];
            sums[SUM_GREEDY] *= work->largest[next];
        }
    }
}

/* This rank's batches. */
static enum status score_mine(struct train_state *state, struct workspace *work, const uint32_t *tokens,
                              int64_t count, int64_t capacity, const char *label, struct comm *comm)
{
    const struct model_shape *shape = model_shape(state->model);
    enum status status = STATUS_OK;
    struct progress progress;
    int64_t size = 0;
    progress_begin(&progress, label, (double)count, "texts");
    for (int64_t first = 0; first < count && status == STATUS_OK; first += size) {
        const struct piece *pieces = &work->pieces[first];
        size = batch_size(pieces, count - first, capacity);
        int rank = least_loaded(work->load, comm_size(comm));
        work->load[rank] += batch_cost(shape, pieces, size);
        status = requests_check(comm);
        if (status == STATUS_OK && rank == comm_rank(comm))
            score_batch(state, work, tokens, pieces, size);
        progress_update(&progress, (double)(first + size), NULL);
    }
    progress_end(&progress, (double)count);
    return status;
}

static void spread_scores(struct workspace *work, const struct score_request *requests, int64_t count,
                          int64_t context_length, struct comm *comm, struct score *out)
{
    comm_sum_double(comm, work->sums, count * SUMS);
    for (int64_t i = 0; i < count; i++)
        out[i] = (struct score){.log_likelihood = work->sums[i * SUMS + SUM_LIKELIHOOD],
                                .scored = visible_piece(&requests[i], i, context_length).scored,
                                .greedy = work->sums[i * SUMS + SUM_GREEDY] == 1};
}

enum status scoring_run(struct train_state *state, int64_t sequences, const uint32_t *tokens,
                        const struct score_request *requests, int64_t count, const char *label,
                        struct comm *comm, struct score *out)
{
    struct workspace work = {0};
    int64_t length = model_shape(state->model)->context_length, capacity = sequences * length;
    enum status status = allocate(&work, count, capacity, comm_size(comm));
    if (status == STATUS_OK) {
        for (int64_t i = 0; i < count; i++)
            work.pieces[i] = visible_piece(&requests[i], i, length);
        qsort(work.pieces, (size_t)count, sizeof *work.pieces, compare_pieces);
        status = score_mine(state, &work, tokens, count, capacity, label, comm);
    }
    requests_wait(comm);
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        spread_scores(&work, requests, count, length, comm, out);
    release(&work);
    return status;
}
