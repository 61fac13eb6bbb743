/* Reading a task. Rank 0 has the file; every rank parses and encodes its text, which takes a fraction of the
 * time of scoring it. */
#include "llmpi/train/task.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/memory.h"

#include <ctype.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

/* What the harness puts between query and choice, where that is more than a space. */
static const struct {
    const char *name, *ending;
} endings[] = {{"arc_easy", "\nAnswer:"}, {"piqa", "\nAnswer:"}};

/* A line in work. */
struct place {
    struct task *task;
    const struct task_source *source;
    const char *ending;
    int64_t line;
    struct token_list context, whole;
    struct buffer text;
};

static enum status bad_line(const struct place *place, const char *what)
{
    return fail(STATUS_FAILED, "%s:%lld: %s", place->task->file, (long long)place->line, what);
}

static const char *ending_of(const char *name)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strcmp(endings[i].name, name) == 0)
            return endings[i].ending;
    return NULL;
}

/* How long the text is without white space at its end. */
static size_t trimmed(const char *text, size_t length)
{
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    return length;
}

static int64_t count_characters(const char *text, size_t length)
{
    int64_t characters = 0;
    for (size_t i = 0; i < length; i++)
        characters += ((unsigned char)text[i] & 0xc0) != 0x80; /* not inside a character of UTF-8 */
    return characters;
}

static enum status encode(const struct place *place, const char *text, size_t length, struct token_list *out)
{
    out->count = 0;
    return tokenizer_encode(place->source->tokenizer, text, length, false, out);
}

static enum status append_ids(struct token_list *list, const uint32_t *ids, int64_t count)
{
    TRY(token_list_reserve(list, count));
    memcpy(list->ids + list->count, ids, (size_t)count * sizeof *ids);
    list->count += count;
    return STATUS_OK;
}

/* An empty context is a new document. */
static enum status begin_document(const struct place *place, int64_t *begun)
{
    const char *end = place->source->end_token;
    int64_t id = tokenizer_find(place->source->tokenizer, end, strlen(end));
    *begun = 0;
    if (place->context.count > 0)
        return STATUS_OK;
    if (id < 0)
        return bad_line(place,
                        "the context has no tokens, and the tokenizer no end-of-text token to stand for it");
    *begun = 1;
    return token_list_add(&place->task->tokens, (uint32_t)id);
}

static enum status add_request(struct place *place, struct score_request request, int64_t characters)
{
    struct task *task = place->task;
    int64_t capacity = task->request_capacity;
    struct score_request *requests =
        memory_grow(task->requests, task->request_count, &capacity, sizeof *requests, "texts of a task");
    if (requests == NULL)
        return STATUS_FAILED;
    task->requests = requests;
    capacity = task->request_capacity;
    int64_t *counts =
        memory_grow(task->characters, task->request_count, &capacity, sizeof *counts, "texts of a task");
    if (counts == NULL)
        return STATUS_FAILED;
    task->characters = counts;
    task->request_capacity = capacity;
    task->requests[task->request_count] = request;
    task->characters[task->request_count++] = characters;
    return STATUS_OK;
}

/* `context` is in place->text and encoded in place->context, up to the white space at its end. */
static enum status add_continuation(struct place *place, size_t context_length, const char *text,
                                    size_t length)
{
    struct task *task = place->task;
    int64_t begun, first = task->tokens.count;
    TRY(buffer_append(&place->text, " ", 1));
    TRY(buffer_append(&place->text, text, length));
    enum status status = encode(place, place->text.data, place->text.length, &place->whole);
    place->text.length = context_length;
    TRY(status);
    int64_t scored = place->whole.count - place->context.count;
    if (scored < 1)
        return bad_line(place, "the continuation adds no tokens to its context");
    TRY(begin_document(place, &begun));
    TRY(append_ids(&task->tokens, place->whole.ids, place->whole.count));
    return add_request(place, (struct score_request){first, begun + place->whole.count, scored},
                       count_characters(text, length));
}

/* Leaves the context in place->text and its ids, without white space at the end, in place->context. */
static enum status set_context(struct place *place, const char *text, size_t length, const char *ending)
{
    buffer_clear(&place->text);
    TRY(buffer_append(&place->text, text, ending != NULL ? trimmed(text, length) : length));
    TRY(buffer_append(&place->text, ending != NULL ? ending : "", ending != NULL ? strlen(ending) : 0));
    return encode(place, place->text.data, trimmed(place->text.data, place->text.length), &place->context);
}

static enum status read_continuation(struct place *place, const struct json *line, struct task_item *item)
{
    size_t context_length, length;
    const char *context = json_get_text(json_get_member(line, "context"), &context_length);
    const char *text = json_get_text(json_get_member(line, "continuation"), &length);
    if (context == NULL || text == NULL)
        return bad_line(place, "\"context\" and \"continuation\" must be strings");
    if (length == 0)
        return bad_line(place, "\"continuation\" is empty");
    item->choices = 1;
    TRY(set_context(place, context, context_length, NULL));
    return add_continuation(place, place->text.length, text, length);
}

static enum status read_choices(struct place *place, const struct json *line, struct task_item *item)
{
    size_t query_length, length;
    const char *query = json_get_text(json_get_member(line, "query"), &query_length);
    const struct json *choices = json_get_member(line, "choices");
    item->choices = json_get_count(choices);
    if (query == NULL || item->choices < 1)
        return bad_line(place, "\"query\" must be a string, and \"choices\" an array of at least one");
    if (!json_get_integer(json_get_member(line, "gold"), &item->gold) || item->gold < 0 ||
        item->gold >= item->choices)
        return bad_line(place, "\"gold\" must be the index of a choice, from 0 on");
    TRY(set_context(place, query, query_length, place->ending));
    for (int64_t i = 0; i < item->choices; i++) {
        const char *text = json_get_text(json_get_element(choices, i), &length);
        if (text == NULL || length == 0)
            return bad_line(place, "each of \"choices\" must be a string, and not empty");
        TRY(add_continuation(place, place->text.length, text, length));
    }
    return STATUS_OK;
}

static bool find_form(const struct json *line, enum task_form *form)
{
    bool continuation = json_get_member(line, "continuation") != NULL;
    *form = continuation ? TASK_CONTINUATION : TASK_CHOICES;
    return continuation != (json_get_member(line, "choices") != NULL);
}

static enum status add_item(struct place *place, const struct json *line)
{
    struct task *task = place->task;
    struct task_item item = {.first = task->request_count};
    enum task_form form;
    if (!find_form(line, &form))
        return bad_line(place,
                        "neither {\"context\", \"continuation\"} nor {\"query\", \"choices\", \"gold\"}");
    if (task->count > 0 && form != task->form)
        return bad_line(place, "not of the form of the lines before it");
    task->form = form;
    TRY(form == TASK_CHOICES ? read_choices(place, line, &item) : read_continuation(place, line, &item));
    struct task_item *items =
        memory_grow(task->items, task->count, &task->capacity, sizeof *items, "items of a task");
    if (items == NULL)
        return STATUS_FAILED;
    task->items = items;
    task->items[task->count++] = item;
    return STATUS_OK;
}

static enum status read_line(struct place *place, const char *text, size_t length)
{
    struct json *line = NULL;
    if (trimmed(text, length) == 0)
        return STATUS_OK;
    if (json_parse(text, length, &line) != STATUS_OK) {
        const char *column = strstr(status_message(), "column"); /* "line 1 column C: what is wrong" */
        char what[200];
        strncpy(what, column != NULL ? column : status_message(), sizeof what - 1);
        what[sizeof what - 1] = '\0';
        return bad_line(place, what);
    }
    enum status status = add_item(place, line);
    json_free(line);
    return status;
}

static enum status read_lines(struct place *place, const struct buffer *text)
{
    const char *at = text->data, *end = at + text->length;
    int64_t limit = place->source->limit;
    while (at < end && (limit == 0 || place->task->count < limit)) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((newline != NULL ? newline : end) - at);
        place->line++;
        TRY(read_line(place, at, length));
        at += length + (newline != NULL);
    }
    if (place->task->count == 0)
        return fail(STATUS_FAILED, "%s: no items", place->task->file);
    return STATUS_OK;
}

/* Rank 0: the file of a task that is given by its name. */
static enum status find_file(const char *name, const char *directory, struct buffer *out)
{
    glob_t found = {0};
    TRY(buffer_printf(out, "%s/%s.jsonl", directory, name));
    if (file_exists(out->data))
        return STATUS_OK;
    buffer_clear(out);
    TRY(buffer_printf(out, "%s/%s-*.jsonl", directory, name));
    bool one = glob(out->data, 0, NULL, &found) == 0 && found.gl_pathc == 1;
    buffer_clear(out);
    enum status status =
        one ? buffer_printf(out, "%s", found.gl_pathv[0])
            : fail(STATUS_USAGE,
                   "task '%s': %s (evaluate.task_directory) has neither %s.jsonl nor one file %s-*.jsonl; a "
                   "task may also be FILE or NAME=FILE",
                   name, directory, name, name);
    globfree(&found);
    return status;
}

/* Splits what the user wrote into a name and, where it has one (not NULL), a file. */
static enum status split_name(const char *what, struct task *task, const char **file)
{
    const char *equals = strchr(what, '='), *slash = strrchr(what, '/'), *name = what;
    size_t length = equals != NULL ? (size_t)(equals - what) : strlen(what);
    *file = equals != NULL ? equals + 1 : NULL;
    if (equals == NULL && (slash != NULL || path_has_suffix(what, ".jsonl"))) {
        name = slash != NULL ? slash + 1 : what;
        length = strlen(name) - (path_has_suffix(name, ".jsonl") ? strlen(".jsonl") : 0);
        *file = what;
    }
    if (length == 0 || (*file != NULL && **file == '\0'))
        return fail(STATUS_USAGE, "'%s' is no task: NAME, FILE or NAME=FILE", what);
    task->name = memory_copy_text(name, length);
    return task->name != NULL ? STATUS_OK : STATUS_FAILED;
}

/* Rank 0: name of the file, and its text. */
static enum status read_file(const char *file, const struct task_source *source, const struct task *task,
                             struct buffer *path, struct buffer *text)
{
    TRY(file != NULL ? buffer_printf(path, "%s", file) : find_file(task->name, source->directory, path));
    return file_read_text(path->data, text);
}

static enum status read_items(const struct task_source *source, const struct buffer *path,
                              const struct buffer *text, struct task *task)
{
    struct place place = {.task = task, .source = source, .ending = ending_of(task->name)};
    task->file = memory_copy_text(path->data, path->length);
    enum status status = task->file != NULL ? read_lines(&place, text) : STATUS_FAILED;
    token_list_free(&place.context);
    token_list_free(&place.whole);
    buffer_free(&place.text);
    return status;
}

enum status task_open(const char *what, const struct task_source *source, struct comm *comm, struct task *out)
{
    struct buffer text = {0}, path = {0};
    const char *file = NULL;
    *out = (struct task){0};
    enum status status = split_name(what, out, &file);
    if (status == STATUS_OK && comm_rank(comm) == 0)
        status = read_file(file, source, out, &path, &text);
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        status = comm_broadcast_buffer(comm, &path, 0);
    if (status == STATUS_OK)
        status = comm_broadcast_buffer(comm, &text, 0);
    if (status == STATUS_OK)
        status = comm_agree(comm, read_items(source, &path, &text, out));
    buffer_free(&path);
    buffer_free(&text);
    return status;
}

void task_close(struct task *task)
{
    free(task->name);
    free(task->file);
    free(task->items);
    free(task->requests);
    free(task->characters);
    token_list_free(&task->tokens);
    *task = (struct task){0};
}
