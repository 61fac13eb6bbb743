/* Names stand for themselves, except those of the presets. */
#include "llmpi/text/special_tokens.h"

#include "llmpi/base/utf8.h"

#include <stdbool.h>
#include <string.h>

static enum status add(struct string_list *list, const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || utf8_find_invalid(name, length) >= 0)
        return fail(STATUS_USAGE, "tokenizer.special_tokens: name %lld is %s", (long long)list->count,
                    length == 0 ? "empty" : "not valid UTF-8");
    for (int64_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], name) == 0)
            return fail(STATUS_USAGE, "tokenizer.special_tokens: '%s' is given twice", name);
    return string_list_add(list, name);
}

enum status special_tokens_expand(const struct string_list *names, struct string_list *out)
{
    for (int64_t i = 0; i < names->count; i++) {
        bool chatml = strcmp(names->items[i], "chatml") == 0;
        TRY(add(out, chatml ? "<|im_start|>" : names->items[i]));
        if (chatml)
            TRY(add(out, "<|im_end|>"));
    }
    return STATUS_OK;
}
