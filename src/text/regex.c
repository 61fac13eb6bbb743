/* The door to PCRE2. Its match limit turns catastrophic backtracking into an error; the just-in-time
 * compiler gets a stack that grows on demand, since PCRE2's own of 32 KiB ends within long words. */
#include "llmpi/text/regex.h"

#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>

#define JIT_STACK_MAX ((size_t)64 << 20)   /* bytes of address space; pages are taken when used */
#define HEAP_MAX      ((uint32_t)64 << 10) /* KiB, of the interpreter */
#define MATCH_LIMIT                                                                                          \
    ((uint32_t)10000000) /* backtracking points of one search: PCRE2's default, made sure of */
#define GROUPS 4         /* the whole match and three groups */

struct regex {
    pcre2_code *code;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    pcre2_match_data *match;
    bool jit;
};

static enum status compile(struct regex *regex, const char *expression)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    regex->code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
                                PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, NULL);
    if (regex->code == NULL) {
        char text[128];
        pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
        return fail(STATUS_USAGE, "the regular expression '%.400s' does not compile: %s at its byte %zu",
                    expression, text, offset);
    }
    regex->match = pcre2_match_data_create(GROUPS, NULL);
    regex->context = pcre2_match_context_create(NULL);
    if (regex->match == NULL || regex->context == NULL)
        return fail(STATUS_FAILED, "out of memory for a regular expression");
    pcre2_set_match_limit(regex->context, MATCH_LIMIT);
    pcre2_set_heap_limit(regex->context, HEAP_MAX);
    return STATUS_OK;
}

static enum status compile_jit(struct regex *regex)
{
    static bool warned = false;
    uint32_t available = 0;
    int error = pcre2_config(PCRE2_CONFIG_JIT, &available);
    if (error >= 0 && available != 0)
        error = pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    regex->jit = error == 0 && available != 0;
    if (!regex->jit) {
        if (!warned)
            log_warning("PCRE2 has no working just-in-time compiler here (%s): regular expressions are "
                        "several times slower",
                        available == 0 ? "it was built without" : "pcre2_jit_compile failed");
        warned = true;
        return STATUS_OK;
    }
    regex->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_MAX, NULL);
    if (regex->stack == NULL)
        return fail(STATUS_FAILED, "out of memory for PCRE2's stack");
    pcre2_jit_stack_assign(regex->context, NULL, regex->stack);
    return STATUS_OK;
}

enum status regex_compile(const char *expression, struct regex **out)
{
    *out = NULL;
    struct regex *regex = memory_allocate(1, sizeof *regex, "a regular expression");
    if (regex == NULL)
        return STATUS_FAILED;
    enum status status = compile(regex, expression);
    if (status == STATUS_OK)
        status = compile_jit(regex);
    if (status != STATUS_OK) {
        regex_free(regex);
        return status;
    }
    *out = regex;
    return STATUS_OK;
}

void regex_free(struct regex *regex)
{
    if (regex == NULL)
        return;
    pcre2_match_data_free(regex->match);
    pcre2_match_context_free(regex->context);
    pcre2_jit_stack_free(regex->stack);
    pcre2_code_free(regex->code);
    memory_free(regex);
}

enum status regex_find(struct regex *regex, const char *text, size_t length, size_t from,
                       struct regex_match *out)
{
    *out = (struct regex_match){0};
    PCRE2_SPTR subject = (PCRE2_SPTR)text;
    int result = regex->jit
                     ? pcre2_jit_match(regex->code, subject, length, from, 0, regex->match, regex->context)
                     : pcre2_match(regex->code, subject, length, from, PCRE2_NO_UTF_CHECK, regex->match,
                                   regex->context);
    if (result == PCRE2_ERROR_NOMATCH)
        return STATUS_OK;
    if (result < 0) {
        char message[128];
        pcre2_get_error_message(result, (PCRE2_UCHAR *)message, sizeof message);
        return fail(STATUS_FAILED, "cannot search byte %zu of a text of %zu bytes: PCRE2 says '%s'", from,
                    length, message);
    }
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(regex->match);
    *out = (struct regex_match){true, offsets[0], offsets[1], result > 0 ? result - 1 : 0};
    if (out->start < from || out->end < out->start)
        return fail(STATUS_FAILED,
                    "the regular expression moves the start of its match at byte %zu out of the match", from);
    return STATUS_OK;
}
