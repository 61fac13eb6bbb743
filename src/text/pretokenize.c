/* Words are found in batches: by a hand-written splitter for the named patterns, else by the regular
 * expression. This searches stretches of valid UTF-8, each up to the next invalid byte. `search` is where the
 * next search starts and `found` where the next word does: text in between was passed by an empty match. */
#include "llmpi/text/pretokenize.h"

#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"
#include "llmpi/text/character_class.h"
#include "llmpi/text/regex.h"
#include "llmpi/text/word_splitter.h"

#include <stdint.h>
#include <string.h>

struct pretokenizer {
    splitter_function *split; /* NULL: `regex` does it */
    struct character_classes classes;
    struct regex *regex;
    const char *next, *end;           /* of the text that has not been delivered */
    const char *ends[SPLITTER_BATCH]; /* of the words found ahead */
    size_t count, delivered;
    const char *found;   /* where the next word to be found starts */
    const char *stretch; /* where the valid text began; stretch <= found <= search <= valid_end */
    const char *search, *valid_end;
    const char *match_end; /* of a match that starts at `found`, or NULL */
};

static enum status prepare(struct pretokenizer *pretokenizer, const char *pattern)
{
    if (pattern == NULL || strcmp(pattern, "gpt2") == 0)
        pretokenizer->split = splitter_run_gpt2;
    else if (strcmp(pattern, "cl100k") == 0)
        pretokenizer->split = splitter_run_cl100k;
    else
        return regex_compile(pattern, &pretokenizer->regex);
    return character_classes_create(&pretokenizer->classes);
}

enum status pretokenizer_create(const char *pattern, struct pretokenizer **out)
{
    *out = NULL;
    struct pretokenizer *pretokenizer = memory_allocate(1, sizeof *pretokenizer, "the splitting pattern");
    if (pretokenizer == NULL)
        return STATUS_FAILED;
    enum status status = prepare(pretokenizer, pattern);
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
    character_classes_free(&pretokenizer->classes);
    regex_free(pretokenizer->regex);
    memory_free(pretokenizer);
}

static void begin_stretch(struct pretokenizer *pretokenizer, const char *start)
{
    pretokenizer->stretch = pretokenizer->found = pretokenizer->search = pretokenizer->valid_end = start;
    pretokenizer->match_end = NULL;
}

void pretokenizer_begin(struct pretokenizer *pretokenizer, const char *text, size_t length)
{
    pretokenizer->next = length > 0 ? text : ""; /* an empty buffer has no data */
    pretokenizer->end = pretokenizer->next + length;
    pretokenizer->count = pretokenizer->delivered = 0;
    begin_stretch(pretokenizer, pretokenizer->next);
}

/* --- by regular expression --- */

static const char *after_character(const struct pretokenizer *pretokenizer, const char *place)
{
    uint32_t character = 0;
    return place + utf8_decode(place, (size_t)(pretokenizer->valid_end - place), &character);
}

/* Finds the end of the word that starts at `found`, before valid_end. */
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
        if (match_start > pretokenizer->found) {
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

/* A word that starts at `found` where valid text ended: an invalid byte, or the first word of a stretch. */
static enum status begin_valid_text(struct pretokenizer *pretokenizer, const char **end)
{
    begin_stretch(pretokenizer, pretokenizer->found);
    size_t rest = (size_t)(pretokenizer->end - pretokenizer->found);
    int64_t invalid = utf8_find_invalid(pretokenizer->found, rest);
    pretokenizer->valid_end += invalid < 0 ? rest : (size_t)invalid;
    if (invalid != 0)
        return find_end(pretokenizer, end);
    begin_stretch(pretokenizer, pretokenizer->found + 1);
    *end = pretokenizer->found;
    return STATUS_OK;
}

static enum status search_words(struct pretokenizer *pretokenizer)
{
    for (size_t i = 0; i < SPLITTER_BATCH && pretokenizer->found < pretokenizer->end; i++) {
        const char *end = NULL;
        TRY(pretokenizer->found == pretokenizer->valid_end ? begin_valid_text(pretokenizer, &end)
                                                           : find_end(pretokenizer, &end));
        pretokenizer->ends[pretokenizer->count++] = pretokenizer->found = end;
    }
    return STATUS_OK;
}

/* --- words --- */

/* Finds more words when all that were found have been delivered. */
static enum status find_words(struct pretokenizer *pretokenizer)
{
    if (pretokenizer->delivered < pretokenizer->count)
        return STATUS_OK;
    pretokenizer->count = pretokenizer->delivered = 0;
    return pretokenizer->split == NULL
               ? search_words(pretokenizer)
               : pretokenizer->split(&pretokenizer->classes, pretokenizer->next, pretokenizer->end,
                                     pretokenizer->ends, &pretokenizer->count);
}

enum status pretokenizer_next_words(struct pretokenizer *pretokenizer, const char **word,
                                    const char *const **ends, size_t *count)
{
    TRY(find_words(pretokenizer));
    *word = pretokenizer->next;
    *ends = pretokenizer->ends + pretokenizer->delivered;
    *count = pretokenizer->count - pretokenizer->delivered;
    pretokenizer->delivered = pretokenizer->count;
    if (*count > 0)
        pretokenizer->next = pretokenizer->ends[pretokenizer->count - 1];
    return STATUS_OK;
}

enum status pretokenizer_next(struct pretokenizer *pretokenizer, const char **word, size_t *length,
                              bool *more)
{
    TRY(find_words(pretokenizer));
    *word = pretokenizer->next;
    *more = pretokenizer->delivered < pretokenizer->count;
    if (*more)
        pretokenizer->next = pretokenizer->ends[pretokenizer->delivered++];
    *length = (size_t)(pretokenizer->next - *word);
    return STATUS_OK;
}
