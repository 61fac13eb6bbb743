/* Ranks take contiguous parts of the questions and generate a few hundred answers at a time, of which as many
 * as the decoder has room for grow side by side. */
#include "llmpi/train/answering.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/comm/requests.h"
#include "llmpi/train/generation.h"

#include <string.h>

enum {
    SIDE_BY_SIDE = 16, /* sequences in the decoder */
    AT_A_TIME = 256    /* questions between two looks for a request to stop */
};

/* One rank's work. */
struct answering {
    struct train_state *state;
    const struct chat_template *template;
    struct generation_settings settings;
    struct generator *generator;
    struct generation_request requests[AT_A_TIME];
    struct generation_result results[AT_A_TIME];
    struct token_list prompts[AT_A_TIME];
};

static enum status keep_text(void *context, const char *text, size_t length)
{
    return buffer_append(context, text, length);
}

static enum status prepare(struct answering *work, struct answered *item, int64_t i)
{
    struct token_list *prompt = &work->prompts[i];
    struct tokenizer *tokenizer = work->state->tokenizer;
    prompt->count = 0;
    TRY(chat_template_add_turn(work->template, tokenizer, CHAT_USER, item->question, item->length, false,
                               prompt, NULL));
    TRY(chat_template_open_answer(work->template, tokenizer, prompt));
    work->requests[i] = (struct generation_request){.settings = &work->settings,
                                                    .prompt = prompt->ids,
                                                    .prompt_count = prompt->count,
                                                    .first = true,
                                                    .sink = keep_text,
                                                    .context = &item->answer};
    return STATUS_OK;
}

static enum status answer_some(struct answering *work, struct answered *items, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        TRY(prepare(work, &items[i], i));
    enum status status = generator_run(work->generator, work->requests, count, work->results);
    for (int64_t i = 0; i < count; i++) {
        items[i].ended = work->results[i].end == GENERATION_STOP_TOKEN;
        generation_result_free(&work->results[i]);
    }
    return status;
}

static enum status answer_part(struct answering *work, struct answered *items, int64_t count,
                               struct comm *comm)
{
    struct progress progress;
    enum status status = STATUS_OK;
    progress_begin(&progress, "answers", (double)count, "questions");
    for (int64_t done = 0; done < count && status == STATUS_OK; done += AT_A_TIME) {
        int64_t some = count - done < AT_A_TIME ? count - done : AT_A_TIME;
        if ((status = requests_check(comm)) == STATUS_OK)
            status = answer_some(work, items + done, some);
        progress_update(&progress, (double)(done + some), NULL);
    }
    progress_end(&progress, (double)count);
    return status;
}

/* --- answers travel to rank 0 as (ended, length, text) --- */

static enum status pack(const struct answered *items, int64_t count, struct buffer *out)
{
    for (int64_t i = 0; i < count; i++) {
        TRY(buffer_append(out, &items[i].ended, sizeof items[i].ended));
        TRY(buffer_append(out, &items[i].answer.length, sizeof items[i].answer.length));
        if (items[i].answer.length > 0)
            TRY(buffer_append(out, items[i].answer.data, items[i].answer.length));
    }
    return STATUS_OK;
}

static enum status unpack(const char *packed, struct answered *items, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        size_t length;
        memcpy(&items[i].ended, packed, sizeof items[i].ended);
        packed += sizeof items[i].ended;
        memcpy(&length, packed, sizeof length);
        packed += sizeof length;
        buffer_clear(&items[i].answer);
        TRY(buffer_append(&items[i].answer, packed, length));
        packed += length;
    }
    return STATUS_OK;
}

/* **Collective** */
static enum status gather(struct answered *items, int64_t count, int64_t first, int64_t end,
                          struct comm *comm)
{
    struct buffer incoming = {0};
    struct buffer *outgoing = memory_allocate(comm_size(comm), sizeof *outgoing, "answers for rank 0");
    enum status status = outgoing != NULL ? pack(items + first, end - first, &outgoing[0]) : STATUS_FAILED;
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = comm_exchange(comm, outgoing, &incoming, NULL);
    if (status == STATUS_OK && comm_rank(comm) == 0)
        status = unpack(incoming.data, items, count);
    if (outgoing != NULL)
        buffer_free(&outgoing[0]);
    memory_free(outgoing);
    buffer_free(&incoming);
    return comm_agree(comm, status);
}

enum status answering_run(struct train_state *state, const struct chat_template *template, int64_t tokens,
                          struct answered *items, int64_t count, struct comm *comm)
{
    int64_t size = comm_size(comm), rank = comm_rank(comm);
    int64_t first = count * rank / size, end = count * (rank + 1) / size;
    uint32_t stop = (uint32_t)chat_template_end(template, state->tokenizer);
    struct answering *work = memory_allocate(1, sizeof *work, "the answers of a rank");
    enum status status = work != NULL ? chat_template_check(template, state->tokenizer) : STATUS_FAILED;
    if (status == STATUS_OK) {
        work->state = state;
        work->template = template;
        work->settings = (struct generation_settings){
            .tokens = tokens, .choice = {.top_p = 1}, .stop_ids = &stop, .stop_id_count = 1};
        status = generator_create(state, SIDE_BY_SIDE, true, &work->generator);
    }
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = answer_part(work, items + first, end - first, comm);
    requests_wait(comm);
    status = comm_agree(comm, status);
    if (work != NULL) {
        generator_destroy(work->generator);
        for (int64_t i = 0; i < AT_A_TIME; i++)
            token_list_free(&work->prompts[i]);
    }
    memory_free(work);
    return status == STATUS_OK ? gather(items, count, first, end, comm) : status;
}
