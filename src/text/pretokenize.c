/* The regular expression searches stretches of valid UTF-8, each up to the next invalid byte. `search` is
 * where the next search starts and `next` where the next word does: text in between was passed by an empty
 * match.
 *
 * `\s` of the named patterns is written out, since PCRE2's also has U+180E; runs are possessive where nothing
 * follows them, which changes no match and leaves nothing to backtrack into. */
#include "llmpi/text/pretokenize.h"

#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"
#include "llmpi/text/regex.h"

#include <stdint.h>
#include <string.h>

/* the characters of Unicode's White_Space, inside a class */
#define SPACE                                                                                                \
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}"                                         \
    "\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"

static const struct {
    const char *name, *expression;
} known_patterns[] = {
    {"gpt2", "'(?:[stmd]|re|ve|ll)"
             "| ?(?:\\p{L}++|\\p{N}++|[^" SPACE "\\p{L}\\p{N}]++)"
             "|[" SPACE "]+(?![^" SPACE "])"
             "|[" SPACE "]++"},
    {"cl100k", "'(?i:[stmd]|re|ve|ll)"
               "|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++"
               "|\\p{N}{1,3}+"
               "| ?[^" SPACE "\\p{L}\\p{N}]++[\\r\\n]*+"
               "|[" SPACE "]*[\\r\\n]"
               "|[" SPACE "]+(?![^" SPACE "])"
               "|[" SPACE "]++"},
};

struct pretokenizer {
    struct regex *regex;
    const char *stretch;         /* where the valid text began */
    const char *next, *search;   /* stretch <= next <= search <= valid_end, until the last search */
    const char *match_end;       /* of a match that starts at `next`, or NULL */
    const char *valid_end, *end; /* [stretch, valid_end) is valid UTF-8 */
};

enum status pretokenizer_create(const char *pattern, struct pretokenizer **out)
{
    *out = NULL;
    const char *expression = pattern != NULL ? pattern : known_patterns[0].expression;
    for (size_t i = 0; i < sizeof known_patterns / sizeof *known_patterns; i++)
        if (pattern != NULL && strcmp(pattern, known_patterns[i].name) == 0)
            expression = known_patterns[i].expression;
    struct pretokenizer *pretokenizer = memory_allocate(1, sizeof *pretokenizer, "the splitting pattern");
    if (pretokenizer == NULL)
        return STATUS_FAILED;
    enum status status = regex_compile(expression, &pretokenizer->regex);
    if (status != STATUS_OK) {
        pretokenizer_destroy(pretokenizer);
        return status;
    }
    *out = pretokenizer;
    return STATUS_OK;
}

void pretokenizer_destroy(struct pretokenizer *pretokenizer)
{
    if (pretokenizer == NULL)
        return;
    regex_free(pretokenizer->regex);
    memory_free(pretokenizer);
}

static void begin_stretch(struct pretokenizer *pretokenizer, const char *start)
{
    pretokenizer->stretch = pretokenizer->next = pretokenizer->search = pretokenizer->valid_end = start;
    pretokenizer->match_end = NULL;
}

void pretokenizer_begin(struct pretokenizer *pretokenizer, const char *text, size_t length)
{
    begin_stretch(pretokenizer, length > 0 ? text : ""); /* an empty buffer has no data */
    pretokenizer->end = pretokenizer->next + length;
}

static const char *after_character(const struct pretokenizer *pretokenizer, const char *place)
{
    uint32_t character = 0;
    return place + utf8_decode(place, (size_t)(pretokenizer->valid_end - place), &character);
}

/* Finds the end of the word that starts at `next`, before valid_end. */
static enum status find_end(struct pretokenizer *pretokenizer, const char **end)
{
    *end = pretokenizer->match_end;
    pretokenizer->match_end = NULL;
    if (*end != NULL)
        return STATUS_OK;
    const char *stretch = pretokenizer->stretch;
    *end = pretokenizer->valid_end;
    while (pretokenizer->search < pretokenizer->valid_end) {
        struct regex_match match;
        TRY(regex_find(pretokenizer->regex, stretch, (size_t)(pretokenizer->valid_end - stretch),
                       (size_t)(pretokenizer->search - stretch), &match));
        const char *match_start = match.found ? stretch + match.start : pretokenizer->valid_end;
        const char *match_end = match.found ? stretch + match.end : pretokenizer->valid_end;
        bool empty = match_start == match_end;
        pretokenizer->search = empty ? after_character(pretokenizer, match_end) : match_end;
        if (match_start > pretokenizer->next) {
            *end = match_start;
            pretokenizer->match_end = empty ? NULL : match_end;
            return STATUS_OK;
        }
        if (!empty) {
            *end = match_end;
            return STATUS_OK;
        }
    }
    return STATUS_OK;
}

enum status pretokenizer_next(struct pretokenizer *pretokenizer, const char **word, size_t *length,
                              bool *more)
{
    *word = pretokenizer->next;
    *length = 0;
    *more = pretokenizer->next < pretokenizer->end;
    if (!*more)
        return STATUS_OK;
    if (pretokenizer->next == pretokenizer->valid_end) {
        begin_stretch(pretokenizer, pretokenizer->next);
        size_t rest = (size_t)(pretokenizer->end - pretokenizer->next);
        int64_t invalid = utf8_find_invalid(pretokenizer->next, rest);
        pretokenizer->valid_end += invalid < 0 ? rest : (size_t)invalid;
        if (invalid == 0) {
            *length = 1;
            begin_stretch(pretokenizer, pretokenizer->next + 1);
            return STATUS_OK;
        }
    }
    const char *end = NULL;
    TRY(find_end(pretokenizer, &end));
    *length = (size_t)(end - pretokenizer->next);
    pretokenizer->next = end;
    return STATUS_OK;
}
