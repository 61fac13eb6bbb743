/* Questions come from a file as `llmpi corpus generate --questions` writes it: {"prompt", "response",
 * "kind"}. An answer is right when it is the response, byte for byte but for white space around it, and the
 * model ended it there. */
#include "evaluate_questions.h"

#include "llmpi/base/json.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/corpus/answer_counts.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/corpus/writer.h"
#include "llmpi/train/answering.h"
#include "llmpi/train/chat.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct question_item {
    size_t prompt, prompt_length, response, response_length; /* offsets in `texts` */
    int64_t kind;
    bool right;
};

struct question_set {
    struct question_item *items;
    int64_t count, capacity;
    struct buffer texts;
    struct answer_counts counts;
    int64_t *right; /* by kind */
    int64_t all_right;
    int64_t tokens; /* of the longest response, and one for its end */
};

/* --- reading --- */

static enum status add_text(struct question_set *set, const char *text, size_t length, size_t *offset)
{
    *offset = set->texts.length;
    return buffer_append(&set->texts, text, length);
}

static enum status add_item(struct question_set *set, const struct document *document, const char *response,
                            size_t length, const char *kind)
{
    struct question_item *items =
        memory_grow(set->items, set->count, &set->capacity, sizeof *items, "questions");
    if (items == NULL)
        return STATUS_FAILED;
    set->items = items;
    struct question_item *item = &items[set->count++];
    *item = (struct question_item){.prompt_length = document->length, .response_length = length};
    TRY(add_text(set, document->text, document->length, &item->prompt));
    TRY(add_text(set, response, length, &item->response));
    return answer_counts_add(&set->counts, kind, response, length, &item->kind);
}

static enum status take_question(struct question_set *set, const struct document *document, const char *file,
                                 struct tokenizer *tokenizer)
{
    struct json *line = NULL;
    struct token_list ids = {0};
    TRY(json_parse(document->record, document->record_length, &line));
    size_t length = 0, kind_length = 0;
    const char *response = json_get_text(json_get_member(line, "response"), &length);
    const char *kind = json_get_text(json_get_member(line, "kind"), &kind_length);
    enum status status = STATUS_OK;
    if (response == NULL || length == 0)
        status = fail(STATUS_FAILED, "%s: question %" PRId64 " has no string \"response\", or an empty one",
                      file, set->count + 1);
    if (status == STATUS_OK)
        status = add_item(set, document, response, length, kind != NULL ? kind : "all");
    if (status == STATUS_OK)
        status = tokenizer_encode(tokenizer, response, length, false, &ids);
    set->tokens = ids.count + 1 > set->tokens ? ids.count + 1 : set->tokens;
    token_list_free(&ids);
    json_free(line);
    return status;
}

static enum status read_questions(const char *path, struct tokenizer *tokenizer, struct question_set *set,
                                  bool quiet)
{
    struct string_list inputs = {0};
    struct corpus corpus = {0};
    struct reader *reader = NULL;
    struct document document;
    bool more = true;
    enum status status = string_list_add(&inputs, path);
    const struct corpus_settings settings = {
        .inputs = &inputs, .text_field = "prompt", .whole_records = true, .quiet = quiet};
    if (status == STATUS_OK)
        status = corpus_open(&settings, &corpus);
    if (status == STATUS_OK)
        status = reader_open(&corpus, 1, 0, 1, &reader);
    while (status == STATUS_OK && (status = reader_next(reader, &document, &more)) == STATUS_OK && more)
        status = take_question(set, &document, path, tokenizer);
    if (status == STATUS_OK && set->count == 0)
        status = fail(STATUS_FAILED, "%s holds no questions", path);
    reader_close(reader);
    corpus_close(&corpus);
    string_list_free(&inputs);
    return status;
}

static void free_questions(struct question_set *set)
{
    free(set->items);
    buffer_free(&set->texts);
    answer_counts_free(&set->counts);
    memory_free(set->right);
}

/* --- judging --- */

static bool is_right(const struct question_set *set, const struct question_item *item,
                     const struct answered *answered)
{
    const char *text = answered->answer.data;
    size_t begin = 0, end = answered->answer.length;
    while (begin < end && isspace((unsigned char)text[begin]))
        begin++;
    while (end > begin && isspace((unsigned char)text[end - 1]))
        end--;
    return answered->ended && end - begin == item->response_length &&
           memcmp(text + begin, set->texts.data + item->response, end - begin) == 0;
}

static void judge(struct question_set *set, const struct answered *answered)
{
    for (int64_t i = 0; i < set->count; i++) {
        struct question_item *item = &set->items[i];
        item->right = is_right(set, item, &answered[i]);
        set->right[item->kind] += item->right;
        set->all_right += item->right;
    }
}

/* --- reporting --- */

static double percent(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static void print_table(const struct question_set *set)
{
    const struct answer_counts *counts = &set->counts;
    printf("%-12s %10s %10s %8s %11s\n", "kind", "questions", "right", "share", "best guess");
    for (int64_t i = 0; i < counts->kind_count; i++) {
        const struct answer_kind *kind = &counts->kinds[i];
        printf("%-12s %10" PRId64 " %10" PRId64 " %7.2f%% %10.2f%%\n", kind->name, kind->questions,
               set->right[i], percent(set->right[i], kind->questions), percent(kind->best, kind->questions));
    }
    printf("%-12s %10" PRId64 " %10" PRId64 " %7.2f%% %10.2f%%\n", "questions", counts->questions,
           set->all_right, percent(set->all_right, counts->questions),
           percent(counts->best, counts->questions));
}

static enum status print_json(const struct question_set *set, int64_t step)
{
    const struct answer_counts *counts = &set->counts;
    struct buffer line = {0};
    enum status status = buffer_printf(&line,
                                       "{\"step\": %" PRId64 ", \"questions\": %" PRId64
                                       ", \"right\": %" PRId64 ", \"best_guess\": %" PRId64 ", \"kinds\": {",
                                       step, counts->questions, set->all_right, counts->best);
    for (int64_t i = 0; i < counts->kind_count && status == STATUS_OK; i++) {
        const struct answer_kind *kind = &counts->kinds[i];
        status = buffer_printf(&line, i > 0 ? ", " : "");
        if (status == STATUS_OK)
            status = json_write_text(&line, kind->name, strlen(kind->name));
        if (status == STATUS_OK)
            status = buffer_printf(
                &line, ": {\"questions\": %" PRId64 ", \"right\": %" PRId64 ", \"best_guess\": %" PRId64 "}",
                kind->questions, set->right[i], kind->best);
    }
    if (status == STATUS_OK)
        printf("%s}}\n", line.data);
    buffer_free(&line);
    return status;
}

static enum status write_item(const struct question_set *set, int64_t i, const struct answered *answered,
                              struct buffer *line)
{
    const struct question_item *item = &set->items[i];
    const char *texts = set->texts.data, *kind = set->counts.kinds[item->kind].name;
    const struct {
        const char *name, *text;
        size_t length;
    } members[] = {
        {"{\"prompt\":", texts + item->prompt, item->prompt_length},
        {",\"response\":", texts + item->response, item->response_length},
        {",\"kind\":", kind, strlen(kind)},
        {",\"answer\":", answered->answer.length > 0 ? answered->answer.data : "", answered->answer.length}};
    buffer_clear(line);
    for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
        TRY(buffer_append(line, members[k].name, strlen(members[k].name)));
        TRY(json_write_text(line, members[k].text, members[k].length));
    }
    return buffer_printf(line, ",\"ended\":%s,\"right\":%s}\n", answered->ended ? "true" : "false",
                         item->right ? "true" : "false");
}

static enum status write_items(const struct question_set *set, const struct answered *answered,
                               const char *path)
{
    struct writer *writer = NULL;
    struct buffer line = {0};
    TRY(writer_open(path, &writer));
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < set->count && status == STATUS_OK; i++) {
        status = write_item(set, i, &answered[i], &line);
        if (status == STATUS_OK)
            status = writer_add(writer, line.data, line.length);
    }
    buffer_free(&line);
    if (status == STATUS_OK)
        return writer_finish(writer);
    writer_abandon(writer);
    return status;
}

static enum status report(const struct question_set *set, const struct answered *answered,
                          const struct arguments *arguments, int64_t step)
{
    const char *items = arguments_get(arguments, "--items");
    if (items != NULL)
        TRY(write_items(set, answered, items));
    if (arguments_has(arguments, "--json"))
        return print_json(set, step);
    print_table(set);
    return STATUS_OK;
}

/* --- all together --- */

enum status evaluate_questions(const char *path, const struct arguments *arguments,
                               const struct config *config, struct train_state *state, struct comm *comm)
{
    struct question_set set = {0};
    struct answered *answered = NULL;
    const struct chat_template template = chat_template_of(config);
    enum status status = read_questions(path, state->tokenizer, &set, comm_rank(comm) != 0);
    if (status == STATUS_OK) {
        answered = memory_allocate(set.count, sizeof *answered, "answers");
        set.right = memory_allocate(set.counts.kind_count, sizeof *set.right, "right answers");
        status = answered != NULL && set.right != NULL ? STATUS_OK : STATUS_FAILED;
    }
    status = comm_agree(comm, status);
    for (int64_t i = 0; i < set.count && status == STATUS_OK; i++)
        answered[i] = (struct answered){.question = set.texts.data + set.items[i].prompt,
                                        .length = set.items[i].prompt_length};
    if (status == STATUS_OK)
        status = answering_run(state, &template, set.tokens, answered, set.count, comm);
    if (status == STATUS_OK && comm_rank(comm) == 0) {
        judge(&set, answered);
        status = report(&set, answered, arguments, state->step);
    }
    for (int64_t i = 0; answered != NULL && i < set.count; i++)
        buffer_free(&answered[i].answer);
    memory_free(answered);
    free_questions(&set);
    return comm_agree(comm, status);
}
