/* What `llmpi bench kernels` measures: a call of each kernel, and the memory that the calls work on. */
#ifndef LLMPI_SRC_PROGRAMS_BENCH_CALLS_H
#define LLMPI_SRC_PROGRAMS_BENCH_CALLS_H

#include "bench.h"

#include "llmpi/kernels/attention.h"
#include "llmpi/kernels/dropout.h"
#include "llmpi/kernels/matmul.h"
#include "llmpi/model/activations.h"

#include <stdint.h>

enum { MOST_CALLS = 20, CALL_MEMORY = 0, CALL_SQUARE = 1 };

struct call {
    const char *name;
    double bytes, flop; /* bytes that the kernel cannot avoid: each input read once, each output written
                         * once; or FLOP where these bound it, else 0 */
};

/* Arrays of values: `stream` are (rows, n_embd) of fp32; of the element are `narrow` (rows, n_embd), `wide`
 * (rows, 4 n_embd) and `dlogits` (chunk_rows, vocab_size) like the fp32 `logits`, which it is in fp32;
 * `large` have LARGE elements each and do not fit in caches. */
struct calls {
    struct model_shape shape;
    enum element element;
    int64_t rows, chunk_rows;
    struct attention_shape attention;
    struct dropout dropout;
    struct weight *square; /* its master is large[2] */
    float *stream[3], *large[4], *logits, *lse;
    void *narrow[3], *wide[3], *dlogits, *workspace;
    float *token_embedding[2], *position_embedding[2]; /* and their gradients */
    float *row_values[2];                              /* (rows): statistics, losses */
    uint32_t *tokens;
    double norm, *squares;         /* of the norm's chunks */
    struct call calls[MOST_CALLS]; /* CALL_MEMORY and CALL_SQUARE show what the machine can do */
    struct measured items[MOST_CALLS];
    int64_t count;
};

/* For passes of such a use. Release with calls_free, also after a failure. */
enum status calls_create(const struct model_shape *shape, const struct model_use *use, struct calls *calls);
void calls_free(struct calls *calls);

#endif
