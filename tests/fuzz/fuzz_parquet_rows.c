/* Any bytes as a Parquet file of a corpus. */
#include "corpus_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    corpus_input_check(".parquet", NULL, false, data, size);
    return 0;
}
