/* Every turn is encoded once; what does not fit is cut out afterwards, between turns. */
#include "llmpi/prepare/example.h"

#include "llmpi/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Turns behind the last answer that counts teach nothing. */
static int64_t useful_turns(const struct conversation *conversation)
{
    int64_t count = conversation->count;
    while (count > 0 &&
           (conversation->turns[count - 1].role != CHAT_ASSISTANT || !conversation->turns[count - 1].counts))
        count--;
    return count;
}

static enum status encode(const struct conversation *conversation, int64_t turns,
                          const struct chat_template *template, struct tokenizer *tokenizer,
                          struct example *out)
{
    out->ids.count = 0;
    buffer_clear(&out->mask);
    for (int64_t i = 0; i < turns; i++) {
        const struct turn *turn = &conversation->turns[i];
        const char *content = turn->length > 0 ? conversation->text.data + turn->first : "";
        int64_t *ends =
            memory_grow(out->turn_ends, i, &out->turn_capacity, sizeof *ends, "turns of an example");
        if (ends == NULL)
            return STATUS_FAILED;
        out->turn_ends = ends;
        TRY(chat_template_add_turn(template, tokenizer, turn->role, content, turn->length, turn->counts,
                                   &out->ids, &out->mask));
        ends[i] = out->ids.count;
    }
    return STATUS_OK;
}

/* The first turn, behind the system turn, from which on the example fits; `turns` where none does. */
static int64_t find_first(const struct conversation *conversation, const struct example *example,
                          int64_t turns, int64_t kept, int64_t most_tokens)
{
    int64_t all = example->ids.count, system = kept > 0 ? example->turn_ends[kept - 1] : 0;
    for (int64_t i = kept + 1; i < turns; i++)
        if (conversation->turns[i].role == CHAT_USER &&
            system + all - example->turn_ends[i - 1] <= most_tokens)
            return i;
    return turns;
}

static void cut(struct example *example, int64_t from, int64_t to)
{
    memmove(example->ids.ids + from, example->ids.ids + to,
            (size_t)(example->ids.count - to) * sizeof *example->ids.ids);
    memmove(example->mask.data + from, example->mask.data + to, example->mask.length - (size_t)to);
    example->ids.count -= to - from;
    example->mask.length -= (size_t)(to - from);
}

enum status example_make(const struct conversation *conversation, const struct chat_template *template,
                         struct tokenizer *tokenizer, int64_t most_tokens, bool truncate, struct example *out,
                         enum example_fate *fate)
{
    int64_t turns = useful_turns(conversation);
    int64_t kept = turns > 0 && conversation->turns[0].role == CHAT_SYSTEM;
    TRY(encode(conversation, turns, template, tokenizer, out));
    *fate = out->ids.count <= most_tokens ? EXAMPLE_WHOLE : EXAMPLE_DROPPED;
    if (*fate == EXAMPLE_WHOLE || !truncate)
        return STATUS_OK;
    int64_t first = find_first(conversation, out, turns, kept, most_tokens);
    if (first == turns)
        return STATUS_OK;
    *fate = EXAMPLE_SHORTENED;
    cut(out, kept > 0 ? out->turn_ends[kept - 1] : 0, out->turn_ends[first - 1]);
    return STATUS_OK;
}

void example_free(struct example *example)
{
    token_list_free(&example->ids);
    buffer_free(&example->mask);
    free(example->turn_ends);
    *example = (struct example){0};
}
