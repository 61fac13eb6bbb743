/* Any bytes as compressed JSON lines: gzip when they begin as gzip does, else zstd. */
#include "corpus_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool gzip = size > 0 && data[0] == 0x1f;
    corpus_input_check(gzip ? ".jsonl.gz" : ".jsonl.zst", NULL, false, data, size);
    return 0;
}
