/* `llmpi neighbors CHECKPOINT TOKEN...`: what lies near a word in the embedding, and arithmetic of words. */
#include "llmpi/model/embedding_neighbors.h"

#include "llmpi/base/buffer.h"
#include "llmpi/base/json.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/train/inference.h"

#include <stdio.h>
#include <string.h>

static const struct flag flags[] = {{"--count", "N", "How many neighbors (default: 10)"}};

static const struct command command = {
    .name = "neighbors",
    .positionals = "CHECKPOINT TOKEN...",
    .minimum = 2,
    .maximum = -1,
    .help = "Lists the tokens whose embeddings have the largest cosine to that of each TOKEN, or to a sum: "
            "`llmpi neighbors RUN king - man + woman`, signs as words of their own. A TOKEN is a word as it "
            "stands in running text, behind a space; where that is no single token, as it stands at the "
            "beginning; else the mean of its pieces. The tokens asked for are left out",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags};

struct search {
    struct tokenizer *tokenizer;
    const float *embedding;
    int64_t rows, width, wanted;
    double *query;
    struct token_list used;
    struct neighbor *found;
};

/* Appends the ids that a word stands for. */
static enum status find_word(struct search *search, const char *word)
{
    struct buffer spaced = {0};
    struct token_list alone = {0};
    int64_t first = search->used.count;
    if (word[0] == '\0')
        return fail(STATUS_USAGE, "an empty TOKEN has no neighbors");
    enum status status = buffer_printf(&spaced, " %s", word);
    if (status == STATUS_OK)
        status = tokenizer_encode(search->tokenizer, word, strlen(word), true, &alone);
    bool special =
        status == STATUS_OK && alone.count == 1 && tokenizer_is_special(search->tokenizer, alone.ids[0]);
    if (status == STATUS_OK && !special)
        status = tokenizer_encode(search->tokenizer, spaced.data, spaced.length, false, &search->used);
    if (status == STATUS_OK && alone.count == 1 && search->used.count != first + 1) {
        search->used.count = first;
        status = token_list_add(&search->used, alone.ids[0]);
    }
    if (status == STATUS_OK && search->used.count == first)
        status = fail(STATUS_FAILED, "the tokenizer makes no token of '%.100s'", word);
    buffer_free(&spaced);
    token_list_free(&alone);
    return status;
}

static enum status print_token(const struct search *search, uint32_t id, double cosine)
{
    struct buffer text = {0}, quoted = {0};
    enum status status = tokenizer_decode(search->tokenizer, &id, 1, &text);
    if (status == STATUS_OK)
        status = json_write_text(&quoted, text.length > 0 ? text.data : "", text.length);
    if (status == STATUS_OK)
        printf("  %7.4f  %-24s %u\n", cosine, quoted.data, id);
    buffer_free(&text);
    buffer_free(&quoted);
    return status;
}

static enum status print_neighbors(struct search *search, const char *heading)
{
    int64_t count = neighbors_find(search->embedding, search->rows, search->width, search->query,
                                   search->used.ids, search->used.count, search->wanted, search->found);
    if (count == 0)
        return fail(STATUS_FAILED, "'%s' has no neighbors: its place in the embedding is zero", heading);
    printf("%s\n", heading);
    for (int64_t i = 0; i < count; i++)
        TRY(print_token(search, search->found[i].id, search->found[i].cosine));
    memset(search->query, 0, (size_t)search->width * sizeof *search->query);
    search->used.count = 0;
    return STATUS_OK;
}

static bool is_sign(const char *text)
{
    return strcmp(text, "+") == 0 || strcmp(text, "-") == 0;
}

static enum status add_word(struct search *search, const char *word, double weight)
{
    int64_t first = search->used.count;
    TRY(find_word(search, word));
    neighbors_add(search->embedding, search->width, search->used.ids + first, search->used.count - first,
                  weight, search->query);
    return STATUS_OK;
}

/* Words are looked at one by one; those with signs between them together. */
static enum status answer(struct search *search, const struct string_list *list)
{
    for (int64_t i = 1; i < list->count;) {
        struct buffer heading = {0};
        double weight = 1;
        if (is_sign(list->items[i]))
            return fail(STATUS_USAGE, "'%s' stands where a word is expected", list->items[i]);
        enum status status = add_word(search, list->items[i], weight);
        if (status == STATUS_OK)
            status = buffer_printf(&heading, "%s", list->items[i]);
        for (i++; status == STATUS_OK && i < list->count && is_sign(list->items[i]); i += 2) {
            bool complete = i + 1 < list->count && !is_sign(list->items[i + 1]);
            weight = list->items[i][0] == '-' ? -1 : 1;
            status = complete ? add_word(search, list->items[i + 1], weight)
                              : fail(STATUS_USAGE, "no word follows '%s'", list->items[i]);
            if (status == STATUS_OK)
                status = buffer_printf(&heading, " %s %s", list->items[i], list->items[i + 1]);
        }
        if (status == STATUS_OK)
            status = print_neighbors(search, heading.data);
        buffer_free(&heading);
        TRY(status);
    }
    return STATUS_OK;
}

static enum status search_embedding(const struct arguments *arguments, struct train_state *state)
{
    const struct parameter *row = parameter_find(model_table(state->model), "wte.weight");
    struct search search = {.tokenizer = state->tokenizer,
                            .embedding = model_parameters(state->model) + row->offset,
                            .rows = row->sizes[0],
                            .width = row->sizes[1],
                            .wanted = 10};
    TRY(arguments_get_integer(arguments, "--count", 1, row->sizes[0], &search.wanted));
    search.query = memory_allocate(search.width, sizeof *search.query, "a place in the embedding");
    search.found = memory_allocate(search.wanted, sizeof *search.found, "neighbors");
    enum status status = search.query != NULL && search.found != NULL
                             ? answer(&search, &arguments->positionals)
                             : STATUS_FAILED;
    memory_free(search.query);
    memory_free(search.found);
    token_list_free(&search.used);
    return status;
}

enum status program_neighbors(int count, char **list)
{
    struct arguments arguments = {0};
    struct config config;
    struct train_state state;
    enum status status = arguments_parse(&command, count, list, &arguments);
    struct comm *comm = status == STATUS_OK && !arguments.finished ? comm_alone() : NULL;
    if (comm != NULL) {
        threads_set((int)threads_choose(0));
        status = inference_load(arguments.positionals.items[0], 1, comm, &config, &state);
        if (status == STATUS_OK)
            status = search_embedding(&arguments, &state);
        state_destroy(&state);
        config_free(&config);
        comm_end(comm);
    }
    arguments_free(&arguments);
    return status;
}
