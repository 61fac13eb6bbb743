/* Each window's sums go into its own place of an array that the ranks add up: every place has one writer, so
 * the result does not depend on how many ranks there are. */
#include "llmpi/train/evaluation.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"
#include "llmpi/train/document_mask.h"
#include "llmpi/train/slots.h"

#include <math.h>

/* Sums of one window. */
enum { SUM_LOSS, SUM_BYTES, SUMS };

struct workspace {
    uint32_t *window, *tokens, *targets;
    int32_t *first_visible; /* NULL: documents are joined */
    struct document_mask documents;
    float *losses;
    double *sums;       /* (windows, SUMS) */
    int64_t *frequency; /* of each token among the targets */
};

static enum status allocate(struct workspace *work, int64_t windows, int64_t rows, int64_t length,
                            int64_t vocab)
{
    work->window = memory_allocate(length + 1, sizeof *work->window, "a window of tokens");
    work->tokens = memory_allocate(rows * length, sizeof *work->tokens, "a batch of tokens");
    work->targets = memory_allocate(rows * length, sizeof *work->targets, "a batch of targets");
    work->losses = memory_allocate(rows * length, sizeof *work->losses, "losses of a batch");
    work->sums = memory_allocate(windows * SUMS, sizeof *work->sums, "sums of the validation windows");
    work->frequency = memory_allocate(vocab, sizeof *work->frequency, "token frequencies");
    bool masked = work->documents.border != DOCUMENTS_JOINED;
    if (masked)
        work->first_visible =
            memory_allocate(rows * length, sizeof *work->first_visible, "the mask of documents");
    if (masked && work->first_visible == NULL)
        return STATUS_FAILED;
    return work->window != NULL && work->tokens != NULL && work->targets != NULL && work->losses != NULL &&
                   work->sums != NULL && work->frequency != NULL
               ? STATUS_OK
               : STATUS_FAILED;
}

static void release(struct workspace *work)
{
    memory_free(work->window);
    memory_free(work->tokens);
    memory_free(work->targets);
    memory_free(work->first_visible);
    memory_free(work->losses);
    memory_free(work->sums);
    memory_free(work->frequency);
}

/* Windows [first, first + rows) of the `count` chosen ones, in one forward pass. */
static enum status evaluate_rows(const struct config *config, struct train_state *state,
                                 struct dataset *dataset, struct workspace *work, int64_t first, int64_t rows,
                                 int64_t count, int64_t available)
{
    int64_t length = config->model.context_length;
    struct model_loss ignored = {0, 0};
    for (int64_t i = 0; i < rows; i++) {
        int64_t window = (int64_t)((__int128)(first + i) * available / count); /* spread evenly */
        TRY(dataset_read_window(dataset, length, length, window, work->window));
        for (int64_t t = 0; t < length; t++) {
            work->tokens[i * length + t] = work->window[t];
            work->targets[i * length + t] = work->window[t + 1];
        }
        if (work->first_visible != NULL)
            document_mask_fill(&work->documents, work->window, length, work->first_visible + i * length);
    }
    struct batch batch = {.sequences = rows,
                          .length = length,
                          .tokens = work->tokens,
                          .targets = work->targets,
                          .first_visible = work->first_visible};
    model_evaluate(state->model, &batch, work->losses, &ignored);
    for (int64_t i = 0; i < rows; i++) {
        double *sums = work->sums + (first + i) * SUMS;
        for (int64_t t = 0; t < length; t++) {
            uint32_t target = work->targets[i * length + t];
            sums[SUM_LOSS] += work->losses[i * length + t];
            work->frequency[target]++;
        }
        sums[SUM_BYTES] = (double)tokenizer_text_bytes(state->tokenizer, &work->targets[i * length], length);
    }
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

static void finish(struct workspace *work, int64_t windows, int64_t length, int64_t vocab,
                   struct evaluation *out)
{
    double loss = 0, bytes = 0, tokens = (double)(windows * length);
    for (int64_t i = 0; i < windows; i++) {
        loss += work->sums[i * SUMS + SUM_LOSS];
        bytes += work->sums[i * SUMS + SUM_BYTES];
    }
    *out = (struct evaluation){.loss = loss / tokens,
                               .bits_per_byte = loss / log(2) / bytes,
                               .entropy = entropy_of(work->frequency, vocab, tokens),
                               .tokens = windows * length,
                               .bytes = (int64_t)bytes,
                               .windows = windows};
}

enum status evaluation_run(const struct config *config, struct train_state *state, struct dataset *dataset,
                           int64_t micro_batch, struct comm *comm, struct evaluation *out)
{
    struct workspace work = {0};
    int64_t length = config->model.context_length, vocab = model_shape(state->model)->vocab_size;
    int64_t available = dataset_windows(dataset, length, length), wanted = config->evaluate.sequences;
    int64_t windows = wanted > 0 && wanted < available ? wanted : available, first = 0, count = 0;
    *out = (struct evaluation){.loss = NAN, .bits_per_byte = NAN, .entropy = NAN};
    if (windows == 0)
        return STATUS_OK;
    slots_piece(windows, comm_size(comm), comm_rank(comm), &first, &count);
    enum status status = document_mask_find(config, state->tokenizer, dataset, &work.documents);
    if (status == STATUS_OK)
        status = allocate(&work, windows, micro_batch, length, vocab);
    struct progress progress;
    progress_begin(&progress, "evaluate", (double)count, "windows");
    for (int64_t done = 0; done < count && status == STATUS_OK; done += micro_batch) {
        int64_t rows = count - done < micro_batch ? count - done : micro_batch;
        status = requests_check(comm);
        if (status == STATUS_OK)
            status = evaluate_rows(config, state, dataset, &work, first + done, rows, windows, available);
        progress_update(&progress, (double)(done + rows), NULL);
    }
    progress_end(&progress, (double)count);
    requests_wait(comm);
    status = comm_agree(comm, status);
    if (status == STATUS_OK) {
        comm_sum_double(comm, work.sums, windows * SUMS);
        comm_sum_int64(comm, work.frequency, vocab);
        finish(&work, windows, length, vocab, out);
    }
    release(&work);
    return status;
}
