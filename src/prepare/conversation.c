/* Each form adds its turns in order; what holds for all of them is checked at the end. */
#include "llmpi/prepare/conversation.h"

#include "llmpi/base/memory.h"

#include <stdlib.h>
#include <string.h>

static enum status add_turn(struct conversation *out, enum chat_role role, bool counts)
{
    struct turn *turns =
        memory_grow(out->turns, out->count, &out->capacity, sizeof *turns, "turns of a conversation");
    if (turns == NULL)
        return STATUS_FAILED;
    out->turns = turns;
    turns[out->count++] = (struct turn){role, out->text.length, 0, counts};
    return STATUS_OK;
}

/* To the content of the last turn. */
static enum status add_content(struct conversation *out, const char *text, size_t length)
{
    out->turns[out->count - 1].length += length;
    return buffer_append(&out->text, text, length);
}

/* A member that must be a string. */
static enum status add_member(struct conversation *out, const struct json *object, const char *name)
{
    size_t length = 0;
    const char *text = json_get_text(json_get_member(object, name), &length);
    if (text == NULL)
        return fail(STATUS_FAILED, "member \"%s\" is missing or no string", name);
    return add_content(out, text, length);
}

static enum status find_role(const char *name, size_t length, enum chat_role *role)
{
    static const struct {
        const char *name;
        enum chat_role role;
    } names[] = {{"system", CHAT_SYSTEM},       {"user", CHAT_USER},     {"human", CHAT_USER},
                 {"assistant", CHAT_ASSISTANT}, {"gpt", CHAT_ASSISTANT}, {"model", CHAT_ASSISTANT}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i].name) == length && memcmp(names[i].name, name, length) == 0) {
            *role = names[i].role;
            return STATUS_OK;
        }
    return fail(STATUS_FAILED, "a turn is by '%.*s', system, user (human) and assistant (gpt) are allowed",
                (int)(length < 40 ? length : 40), name);
}

/* --- the forms --- */

static enum status read_system(const struct json *record, struct conversation *out)
{
    size_t length = 0;
    if (json_get_text(json_get_member(record, "system"), &length) == NULL || length == 0)
        return STATUS_OK;
    TRY(add_turn(out, CHAT_SYSTEM, false));
    return add_member(out, record, "system");
}

static enum status read_pair(const struct json *record, const char *question, const char *answer,
                             struct conversation *out)
{
    size_t length = 0;
    const char *input = json_get_text(json_get_member(record, "input"), &length);
    TRY(read_system(record, out));
    TRY(add_turn(out, CHAT_USER, false));
    TRY(add_member(out, record, question));
    if (strcmp(question, "instruction") == 0 && input != NULL && length > 0) {
        TRY(add_content(out, "\n\n", 2));
        TRY(add_content(out, input, length));
    }
    TRY(add_turn(out, CHAT_ASSISTANT, true));
    return add_member(out, record, answer);
}

/* A part of a content that is a list. */
static enum status add_part(struct conversation *out, const struct json *part)
{
    size_t length = 0;
    const char *type = json_get_text(json_get_member(part, "type"), &length);
    if (type == NULL || length != 4 || memcmp(type, "text", 4) != 0)
        return fail(STATUS_FAILED, "a content has a part of type '%.*s', text is allowed",
                    type == NULL ? 0 : (int)(length < 40 ? length : 40), type == NULL ? "" : type);
    return add_member(out, part, json_get_member(part, "text") != NULL ? "text" : "value");
}

static enum status read_message(const struct json *message, struct conversation *out)
{
    size_t length = 0;
    double weight = 1;
    enum chat_role role = CHAT_USER;
    const char *name = json_get_text(json_get_member(message, "role"), &length);
    const struct json *content = json_get_member(message, "content");
    if (name == NULL)
        return fail(STATUS_FAILED, "a message has no \"role\"");
    TRY(find_role(name, length, &role));
    json_get_number(json_get_member(message, "loss_weight"), &weight);
    if (weight != 0 && weight != 1)
        return fail(STATUS_FAILED, "a message has loss_weight %g, 0 and 1 are allowed", weight);
    TRY(add_turn(out, role, weight > 0));
    if (json_kind(content) != KIND_ARRAY)
        return add_member(out, message, "content");
    for (int64_t i = 0; i < json_get_count(content); i++)
        TRY(add_part(out, json_get_element(content, i)));
    return STATUS_OK;
}

static enum status read_messages(const struct json *list, struct conversation *out)
{
    for (int64_t i = 0; i < json_get_count(list); i++)
        TRY(read_message(json_get_element(list, i), out));
    return STATUS_OK;
}

static enum status read_sharegpt(const struct json *list, struct conversation *out)
{
    for (int64_t i = 0; i < json_get_count(list); i++) {
        const struct json *turn = json_get_element(list, i);
        size_t length = 0;
        enum chat_role role = CHAT_USER;
        const char *name = json_get_text(json_get_member(turn, "from"), &length);
        if (name == NULL)
            return fail(STATUS_FAILED, "a turn has no \"from\"");
        TRY(find_role(name, length, &role));
        TRY(add_turn(out, role, true));
        TRY(add_member(out, turn, "value"));
    }
    return STATUS_OK;
}

static enum status read_form(const struct json *record, struct conversation *out)
{
    const struct json *messages = json_get_member(record, "messages"),
                      *turns = json_get_member(record, "conversations");
    if (json_kind(messages) == KIND_ARRAY)
        return read_messages(messages, out);
    if (json_kind(turns) == KIND_ARRAY)
        return read_sharegpt(turns, out);
    if (json_get_member(record, "instruction") != NULL)
        return read_pair(record, "instruction", "output", out);
    if (json_get_member(record, "prompt") != NULL)
        return read_pair(record, "prompt", "response", out);
    return fail(STATUS_FAILED, "no conversation: expected instruction and output, prompt and response, "
                               "messages, or conversations");
}

/* --- all forms --- */

static enum status check(const struct conversation *conversation)
{
    bool learns = false;
    for (int64_t i = 0; i < conversation->count; i++) {
        const struct turn *turn = &conversation->turns[i];
        if (turn->role == CHAT_SYSTEM && i > 0)
            return fail(STATUS_FAILED, "turn %lld is a system turn, only the first may be", (long long)i + 1);
        learns = learns || (turn->role == CHAT_ASSISTANT && turn->counts);
    }
    if (!learns)
        return fail(STATUS_FAILED, "no turn of the assistant is to be learnt");
    return STATUS_OK;
}

enum status conversation_read(const struct json *record, struct conversation *out)
{
    out->count = 0;
    buffer_clear(&out->text);
    TRY(read_form(record, out));
    return check(out);
}

enum status conversation_add_system(struct conversation *conversation, const char *text)
{
    if (conversation->count > 0 && conversation->turns[0].role == CHAT_SYSTEM)
        return STATUS_OK;
    TRY(add_turn(conversation, CHAT_SYSTEM, false));
    TRY(add_content(conversation, text, strlen(text)));
    struct turn system = conversation->turns[conversation->count - 1];
    memmove(conversation->turns + 1, conversation->turns,
            (size_t)(conversation->count - 1) * sizeof *conversation->turns);
    conversation->turns[0] = system;
    return STATUS_OK;
}

void conversation_free(struct conversation *conversation)
{
    free(conversation->turns);
    buffer_free(&conversation->text);
    *conversation = (struct conversation){0};
}
