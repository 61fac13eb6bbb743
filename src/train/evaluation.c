/* Each window's sums go into its own place of an array that the ranks add up: every place has one writer, so
 * the result does not depend on how many ranks there are. */
#include "llmpi/train/evaluation.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"
#include "llmpi/train/sequence_batch.h"
#include "llmpi/train/slots.h"

#include <math.h>

/* Sums of one window. */
enum { SUM_LOSS, SUM_BYTES, SUM_TOKENS, SUMS };

struct workspace {
    struct dataset_sequences data;
    struct sequences sequences;
    struct sequence_batch batch;
    float *losses;
    double *sums;       /* (windows, SUMS) */
    int64_t *frequency; /* of each token among the targets */
};

static enum status allocate(struct workspace *work, int64_t windows, int64_t rows, int64_t length,
                            int64_t vocab)
{
    TRY(sequence_batch_create(&work->sequences, rows, length, &work->batch));
    work->losses = memory_allocate(rows * length, sizeof *work->losses, "losses of a batch");
    work->sums = memory_allocate(windows * SUMS, sizeof *work->sums, "sums of the validation windows");
    work->frequency = memory_allocate(vocab, sizeof *work->frequency, "token frequencies");
    return work->losses != NULL && work->sums != NULL && work->frequency != NULL ? STATUS_OK : STATUS_FAILED;
}

static void release(struct workspace *work)
{
    sequence_batch_free(&work->batch);
    memory_free(work->losses);
    memory_free(work->sums);
    memory_free(work->frequency);
    sequences_release(&work->data);
}

/* Adds the targets of a row that count to a window's sums. */
static void add_targets(struct workspace *work, const struct tokenizer *tokenizer, int64_t row, double *sums)
{
    int64_t length = work->batch.length, at = row * length;
    const uint32_t *targets = work->batch.targets + at;
    const float *weight = work->batch.target_weight != NULL ? work->batch.target_weight + at : NULL;
    for (int64_t t = 0; t < length; t++) {
        if (weight != NULL && weight[t] == 0)
            continue;
        sums[SUM_LOSS] += work->losses[at + t];
        sums[SUM_TOKENS]++;
        work->frequency[targets[t]]++;
        if (weight != NULL)
            sums[SUM_BYTES] += (double)tokenizer_text_bytes(tokenizer, &targets[t], 1);
    }
    if (weight == NULL)
        sums[SUM_BYTES] = (double)tokenizer_text_bytes(tokenizer, targets, length);
}

/* Windows [first, first + rows) of the `count` that were chosen of all, in one forward pass. */
static enum status evaluate_rows(struct train_state *state, struct workspace *work, int64_t first,
                                 int64_t rows, int64_t count)
{
    struct model_loss ignored = {0, 0};
    int64_t available = sequences_count(&work->data);
    for (int64_t i = 0; i < rows; i++) {
        int64_t window = (int64_t)((__int128)(first + i) * available / count); /* spread evenly */
        TRY(sequence_batch_read(&work->batch, &work->sequences, i, window));
    }
    const struct batch batch = sequence_batch_view(&work->batch, rows);
    model_evaluate(state->model, &batch, work->losses, &ignored);
    for (int64_t i = 0; i < rows; i++)
        add_targets(work, state->tokenizer, i, work->sums + (first + i) * SUMS);
    return STATUS_OK;
}

static double entropy_of(const int64_t *frequency, int64_t vocab, double total)
{
    double nats = 0;
    for (int64_t i = 0; i < vocab; i++)
        if (frequency[i] > 0)
            nats -= (double)frequency[i] / total * log((double)frequency[i] / total);
    return nats;
}

static void finish(struct workspace *work, int64_t windows, int64_t vocab, struct evaluation *out)
{
    double loss = 0, bytes = 0, tokens = 0;
    for (int64_t i = 0; i < windows; i++) {
        loss += work->sums[i * SUMS + SUM_LOSS];
        bytes += work->sums[i * SUMS + SUM_BYTES];
        tokens += work->sums[i * SUMS + SUM_TOKENS];
    }
    *out = (struct evaluation){.loss = loss / tokens,
                               .bits_per_byte = loss / log(2) / bytes,
                               .entropy = entropy_of(work->frequency, vocab, tokens),
                               .tokens = (int64_t)tokens,
                               .bytes = (int64_t)bytes,
                               .windows = windows};
}

enum status evaluation_run(const struct config *config, struct train_state *state, struct dataset *dataset,
                           int64_t micro_batch, struct comm *comm, struct evaluation *out)
{
    struct workspace work = {0};
    int64_t length = config->model.context_length, vocab = model_shape(state->model)->vocab_size;
    int64_t wanted = config->evaluate.sequences, first = 0, count = 0;
    *out = (struct evaluation){.loss = NAN, .bits_per_byte = NAN, .entropy = NAN};
    enum status status = comm_agree(
        comm, sequences_open(config, state->tokenizer, dataset, true, &work.data, &work.sequences));
    int64_t available = sequences_count(&work.data);
    int64_t windows = wanted > 0 && wanted < available ? wanted : available;
    if (status != STATUS_OK || windows == 0) {
        release(&work);
        return status;
    }
    slots_piece(windows, comm_size(comm), comm_rank(comm), &first, &count);
    status = allocate(&work, windows, micro_batch, length, vocab);
    struct progress progress;
    progress_begin(&progress, "evaluate", (double)count, "windows");
    for (int64_t done = 0; done < count && status == STATUS_OK; done += micro_batch) {
        int64_t rows = count - done < micro_batch ? count - done : micro_batch;
        status = requests_check(comm);
        if (status == STATUS_OK)
            status = evaluate_rows(state, &work, first + done, rows, windows);
        progress_update(&progress, (double)(done + rows), NULL);
    }
    progress_end(&progress, (double)count);
    requests_wait(comm);
    status = comm_agree(comm, status);
    if (status == STATUS_OK) {
        comm_sum_double(comm, work.sums, windows * SUMS);
        comm_sum_int64(comm, work.frequency, vocab);
        finish(&work, windows, vocab, out);
    }
    release(&work);
    return status;
}
