/* Any bytes as plain text with empty lines between its documents. */
#include "corpus_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    corpus_input_check(".txt", "\n\n", true, data, size);
    return 0;
}
