/* The door to PCRE2. The pattern is anchored and each match starts where the last one ended, so a match must
 * always be found in valid text: any other answer is an error, never "no match".
 *
 * `\s` of the original means Unicode's White_Space, while PCRE2's also has U+180E, so the set is written out;
 * runs are possessive where nothing follows them, which changes no match and leaves nothing to backtrack
 * into. PCRE2 gets valid UTF-8 only: text is checked up to its first invalid byte, once. */
#include "llmpi/text/pretokenize.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <string.h>

/* the characters of Unicode's White_Space, inside a class */
#define SPACE                                                                                                \
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}"                                         \
    "\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define JIT_STACK_MAX ((size_t)1 << 20) /* bytes; PCRE2's own is 32 KiB */

static const char gpt2_pattern[] = "'(?:[stmd]|re|ve|ll)"
                                   "| ?(?:\\p{L}++|\\p{N}++|[^" SPACE "\\p{L}\\p{N}]++)"
                                   "|[" SPACE "]+(?![^" SPACE "])"
                                   "|[" SPACE "]++";

struct pretokenizer {
    pcre2_code *code;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    pcre2_match_data *match;
    bool jit;
    const char *next, *valid_end, *end; /* next <= valid_end <= end; [next, valid_end) is valid UTF-8 */
};

static enum status compile(struct pretokenizer *pretokenizer)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    pretokenizer->code = pcre2_compile((PCRE2_SPTR)gpt2_pattern, PCRE2_ZERO_TERMINATED,
                                       PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &error, &offset, NULL);
    if (pretokenizer->code == NULL) {
        char text[128];
        pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
        return fail(STATUS_FAILED, "PCRE2 does not compile the splitting pattern: %s at its byte %zu", text,
                    offset);
    }
    pretokenizer->match = pcre2_match_data_create(1, NULL);
    pretokenizer->context = pcre2_match_context_create(NULL);
    if (pretokenizer->match == NULL || pretokenizer->context == NULL)
        return fail(STATUS_FAILED, "out of memory for the splitting pattern");
    return STATUS_OK;
}

static enum status compile_jit(struct pretokenizer *pretokenizer)
{
    static bool warned = false;
    uint32_t available = 0;
    int error = pcre2_config(PCRE2_CONFIG_JIT, &available);
    if (error >= 0 && available != 0)
        error = pcre2_jit_compile(pretokenizer->code, PCRE2_JIT_COMPLETE);
    pretokenizer->jit = error == 0 && available != 0;
    if (!pretokenizer->jit) {
        if (!warned)
            log_warning("PCRE2 has no working just-in-time compiler here (%s): splitting text is several "
                        "times slower",
                        available == 0 ? "it was built without" : "pcre2_jit_compile failed");
        warned = true;
        return STATUS_OK;
    }
    pretokenizer->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_MAX, NULL);
    if (pretokenizer->stack == NULL)
        return fail(STATUS_FAILED, "out of memory for PCRE2's stack");
    pcre2_jit_stack_assign(pretokenizer->context, NULL, pretokenizer->stack);
    return STATUS_OK;
}

enum status pretokenizer_create(const char *pattern, struct pretokenizer **out)
{
    *out = NULL;
    if (pattern != NULL && strcmp(pattern, "gpt2") != 0)
        return fail(STATUS_FAILED, "the splitting pattern is '%.100s', known is gpt2", pattern);
    struct pretokenizer *pretokenizer = memory_allocate(1, sizeof *pretokenizer, "the splitting pattern");
    if (pretokenizer == NULL)
        return STATUS_FAILED;
    enum status status = compile(pretokenizer);
    if (status == STATUS_OK)
        status = compile_jit(pretokenizer);
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
    pcre2_match_data_free(pretokenizer->match);
    pcre2_match_context_free(pretokenizer->context);
    pcre2_jit_stack_free(pretokenizer->stack);
    pcre2_code_free(pretokenizer->code);
    memory_free(pretokenizer);
}

void pretokenizer_begin(struct pretokenizer *pretokenizer, const char *text, size_t length)
{
    pretokenizer->next = pretokenizer->valid_end = length > 0 ? text : ""; /* an empty buffer has no data */
    pretokenizer->end = pretokenizer->next + length;
}

/* Length of the match at `next`, in valid text. */
static enum status find_match(struct pretokenizer *pretokenizer, size_t *length)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)pretokenizer->next;
    size_t rest = (size_t)(pretokenizer->valid_end - pretokenizer->next);
    int result = pretokenizer->jit ? pcre2_jit_match(pretokenizer->code, subject, rest, 0, 0,
                                                     pretokenizer->match, pretokenizer->context)
                                   : pcre2_match(pretokenizer->code, subject, rest, 0, PCRE2_NO_UTF_CHECK,
                                                 pretokenizer->match, pretokenizer->context);
    *length = result > 0 ? pcre2_get_ovector_pointer(pretokenizer->match)[1] : 0;
    if (*length > 0)
        return STATUS_OK;
    char text[128] = "an empty match";
    if (result < 0)
        pcre2_get_error_message(result, (PCRE2_UCHAR *)text, sizeof text);
    return fail(STATUS_FAILED, "cannot split text into words, %zu bytes before its end: PCRE2 says '%s'",
                (size_t)(pretokenizer->end - pretokenizer->next), text);
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
        size_t rest = (size_t)(pretokenizer->end - pretokenizer->next);
        int64_t invalid = utf8_find_invalid(pretokenizer->next, rest);
        pretokenizer->valid_end += invalid < 0 ? rest : (size_t)invalid;
        if (invalid == 0) {
            *length = 1;
            pretokenizer->next = ++pretokenizer->valid_end;
            return STATUS_OK;
        }
    }
    TRY(find_match(pretokenizer, length));
    pretokenizer->next += *length;
    return STATUS_OK;
}
