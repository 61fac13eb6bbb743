/* What the fuzzers share: a rule that was broken ends the process, which libFuzzer takes for a finding and
 * keeps the input. */
#ifndef TESTS_FUZZ_HARNESS_H
#define TESTS_FUZZ_HARNESS_H

#include "llmpi/base/log.h"
#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's entry points. */
int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Called once: warnings about broken input would be all that one sees. */
int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    log_silence();
    return 0;
}

static inline void require(bool holds, const char *otherwise)
{
    if (holds)
        return;
    fprintf(stderr, "broken rule: %s; the last message was: %s\n", otherwise, status_message());
    abort();
}

/* A refusal has a status that the manual allows, and a reason. */
static inline void require_reason(enum status status)
{
    require(status == STATUS_OK || status == STATUS_FAILED || status == STATUS_USAGE, "an unknown status");
    require(status == STATUS_OK || status_message()[0] != '\0', "a failure without a message");
}

#endif
