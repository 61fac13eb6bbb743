/* Prefix, content and suffix of a turn are encoded each by itself: a token never reaches from one into the
 * other, so that the mask has an edge to lie on, and a turn has the same tokens in training and in use. */
#include "llmpi/text/chat_template.h"

#include <string.h>

#define ROLE "{role}"

const char *chat_role_name(enum chat_role role)
{
    static const char *const names[CHAT_ROLES] = {"system", "user", "assistant"};
    return names[role];
}

/* --- special tokens --- */

static enum status add_once(struct string_list *names, const char *text, size_t length)
{
    for (int64_t i = 0; i < names->count; i++)
        if (strlen(names->items[i]) == length && memcmp(names->items[i], text, length) == 0)
            return STATUS_OK;
    struct buffer name = {0};
    enum status status = buffer_append(&name, text, length);
    if (status == STATUS_OK)
        status = string_list_add(names, name.data);
    buffer_free(&name);
    return status;
}

static enum status add_marked(struct string_list *names, const char *text)
{
    for (const char *begin = strstr(text, "<|"); begin != NULL; begin = strstr(begin, "<|")) {
        const char *end = strstr(begin, "|>");
        if (end == NULL)
            break;
        TRY(add_once(names, begin, (size_t)(end + 2 - begin)));
        begin = end + 2;
    }
    return STATUS_OK;
}

enum status chat_template_tokens(const struct chat_template *template, struct string_list *names)
{
    TRY(add_marked(names, template->turn_prefix));
    TRY(add_marked(names, template->turn_suffix));
    return add_once(names, template->end_of_turn, strlen(template->end_of_turn));
}

int64_t chat_template_end(const struct chat_template *template, const struct tokenizer *tokenizer)
{
    return tokenizer_find(tokenizer, template->end_of_turn, strlen(template->end_of_turn));
}

enum status chat_template_check(const struct chat_template *template, const struct tokenizer *tokenizer)
{
    if (template->end_of_turn[0] == '\0' || strstr(template->turn_suffix, template->end_of_turn) == NULL)
        return fail(STATUS_USAGE,
                    "instruct.turn_suffix '%.100s' must hold instruct.end_of_turn, which is '%.100s'",
                    template->turn_suffix, template->end_of_turn);
    struct string_list names = {0};
    enum status status = chat_template_tokens(template, &names);
    for (int64_t i = 0; i < names.count && status == STATUS_OK; i++)
        if (tokenizer_find(tokenizer, names.items[i], strlen(names.items[i])) < 0)
            status = fail(STATUS_USAGE,
                          "the tokenizer has no token '%.100s', which the chat template is written with: the "
                          "model was not tuned to answer (llmpi finetune)",
                          names.items[i]);
    string_list_free(&names);
    return status;
}

enum status chat_template_extend(const struct chat_template *template, const struct tokenizer *tokenizer,
                                 struct tokenizer **out)
{
    struct string_list names = {0};
    *out = NULL;
    enum status status = chat_template_tokens(template, &names);
    if (status == STATUS_OK)
        status = tokenizer_extend(tokenizer, &names, out);
    if (status == STATUS_OK)
        status = chat_template_check(template, *out);
    string_list_free(&names);
    return status;
}

/* --- turns --- */

static enum status add_prefix(const struct chat_template *template, struct tokenizer *tokenizer,
                              enum chat_role role, struct token_list *ids)
{
    struct buffer text = {0};
    const char *rest = template->turn_prefix, *name = chat_role_name(role);
    enum status status = STATUS_OK;
    for (const char *at = strstr(rest, ROLE); at != NULL && status == STATUS_OK; at = strstr(rest, ROLE)) {
        status = buffer_printf(&text, "%.*s%s", (int)(at - rest), rest, name);
        rest = at + strlen(ROLE);
    }
    if (status == STATUS_OK)
        status = buffer_printf(&text, "%s", rest);
    if (status == STATUS_OK)
        status = tokenizer_encode(tokenizer, text.data, text.length, true, ids);
    buffer_free(&text);
    return status;
}

/* One byte for each id from `first` on. */
static enum status mark(struct buffer *mask, int64_t count, bool counts)
{
    const char byte = counts ? 1 : 0;
    for (int64_t i = 0; i < count; i++)
        TRY(buffer_append(mask, &byte, 1));
    return STATUS_OK;
}

enum status chat_template_add_turn(const struct chat_template *template, struct tokenizer *tokenizer,
                                   enum chat_role role, const char *content, size_t length, bool counts,
                                   struct token_list *ids, struct buffer *mask)
{
    int64_t first = ids->count, end = chat_template_end(template, tokenizer);
    TRY(add_prefix(template, tokenizer, role, ids));
    int64_t content_first = ids->count;
    TRY(tokenizer_encode(tokenizer, content, length, false, ids));
    int64_t last = ids->count;
    TRY(tokenizer_encode(tokenizer, template->turn_suffix, strlen(template->turn_suffix), true, ids));
    if (mask == NULL)
        return STATUS_OK;
    while (last < ids->count && (int64_t)ids->ids[last] != end)
        last++;
    last += last < ids->count; /* end_of_turn counts */
    TRY(mark(mask, content_first - first, false));
    TRY(mark(mask, last - content_first, counts && role == CHAT_ASSISTANT));
    return mark(mask, ids->count - last, false);
}

enum status chat_template_open_answer(const struct chat_template *template, struct tokenizer *tokenizer,
                                      struct token_list *ids)
{
    return add_prefix(template, tokenizer, CHAT_ASSISTANT, ids);
}
