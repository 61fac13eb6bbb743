/* Each turn is encoded once, when it is added: a turn has the same ids whatever stands beside it, so that the
 * beginning of a prompt stays what it was and its keys and values can be kept. */
#include "chat_history.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum status chat_history_add(struct chat_history *history, enum chat_role role, const char *text,
                             size_t length)
{
    struct chat_turn *turns =
        memory_grow(history->turns, history->count, &history->capacity, sizeof *turns, "a conversation");
    if (turns == NULL)
        return STATUS_FAILED;
    history->turns = turns;
    struct chat_turn *turn = &turns[history->count++];
    *turn = (struct chat_turn){.role = role};
    TRY(buffer_append(&turn->text, text, length));
    return chat_template_add_turn(history->template, history->tokenizer, role, turn->text.data, length, false,
                                  &turn->ids, NULL);
}

static bool has_system(const struct chat_history *history)
{
    return history->count > 0 && history->turns[0].role == CHAT_SYSTEM;
}

static void drop_behind(struct chat_history *history, int64_t kept)
{
    while (history->count > kept) {
        struct chat_turn *turn = &history->turns[--history->count];
        buffer_free(&turn->text);
        token_list_free(&turn->ids);
    }
}

void chat_history_reset(struct chat_history *history)
{
    drop_behind(history, has_system(history));
    history->forgotten = 0;
}

void chat_history_free(struct chat_history *history)
{
    drop_behind(history, 0);
    free(history->turns);
    history->turns = NULL;
}

static enum status append_ids(struct token_list *out, const struct token_list *ids)
{
    TRY(token_list_reserve(out, ids->count));
    memcpy(out->ids + out->count, ids->ids, (size_t)ids->count * sizeof *ids->ids);
    out->count += ids->count;
    return STATUS_OK;
}

/* The first turn behind the system's from which on at most `most` ids are left; a turn of the user. */
static int64_t first_kept(const struct chat_history *history, int64_t most)
{
    int64_t first = history->count - 1, ids = 0;
    for (int64_t i = history->count - 1; i >= has_system(history); i--) {
        ids += history->turns[i].ids.count;
        if (ids > most)
            break;
        if (history->turns[i].role == CHAT_USER)
            first = i;
    }
    return first;
}

enum status chat_history_prompt(struct chat_history *history, int64_t most, struct token_list *out)
{
    struct token_list opening = {0};
    int64_t system = has_system(history), first;
    out->count = 0;
    enum status status = chat_template_open_answer(history->template, history->tokenizer, &opening);
    if (status == STATUS_OK && system)
        status = append_ids(out, &history->turns[0].ids);
    first = first_kept(history, most - opening.count - out->count);
    history->forgotten = first - system;
    for (int64_t i = first; i < history->count && status == STATUS_OK; i++)
        status = append_ids(out, &history->turns[i].ids);
    if (status == STATUS_OK)
        status = append_ids(out, &opening);
    token_list_free(&opening);
    return status;
}

enum status chat_history_save(const struct chat_history *history, const char *path)
{
    struct buffer lines = {0};
    enum status status = buffer_reserve(&lines, 1);
    for (int64_t i = 0; i < history->count && status == STATUS_OK; i++) {
        const struct chat_turn *turn = &history->turns[i];
        status = buffer_printf(&lines, "{\"role\": \"%s\", \"content\": ", chat_role_name(turn->role));
        if (status == STATUS_OK)
            status = json_write_text(&lines, turn->text.data, turn->text.length);
        if (status == STATUS_OK)
            status = buffer_append(&lines, "}\n", 2);
    }
    if (status == STATUS_OK)
        status = file_write(path, lines.data, lines.length);
    buffer_free(&lines);
    return status;
}
