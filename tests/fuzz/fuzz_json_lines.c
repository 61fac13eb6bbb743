/* Any bytes as JSON lines. */
#include "corpus_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    corpus_input_check(".jsonl", NULL, true, data, size);
    return 0;
}
