/* Chooses the implementation: tiles where the processor multiplies bf16 and the numbers are of it, else the
 * one that runs anywhere. */
#include "attention_private.h"
#include "llmpi/base/cpu.h"
#include "llmpi/base/integer.h"

#ifdef __x86_64__
static bool uses_tiles(const struct attention_shape *shape)
{
    return shape->element == ELEMENT_BF16 && cpu_level() >= CPU_AVX512_BF16;
}
#endif

void attention_forward(void *out, float *lse, const void *q, const void *k, const void *v,
                       const struct attention_shape *shape, const struct dropout *dropout, void *workspace)
{
    const struct attention_outputs arrays = {out, lse, q, k, v};
#ifdef __x86_64__
    if (uses_tiles(shape)) {
        attention_forward_tiles(&arrays, shape, dropout, workspace);
        return;
    }
#endif
    attention_forward_plain(&arrays, shape, dropout, workspace);
}

void attention_backward(void *dq, void *dk, void *dv, const void *dout, const void *q, const void *k,
                        const void *v, const void *out, const float *lse, const struct attention_shape *shape,
                        const struct dropout *dropout, void *workspace)
{
    const struct attention_gradients arrays = {dq, dk, dv, dout, q, k, v, out, lse};
#ifdef __x86_64__
    if (uses_tiles(shape)) {
        attention_backward_tiles(&arrays, shape, dropout, workspace);
        return;
    }
#endif
    attention_backward_plain(&arrays, shape, dropout, workspace);
}

/* Enough for whichever implementation is chosen later. */
int64_t attention_workspace(const struct attention_shape *shape)
{
    int64_t bytes = attention_workspace_plain(shape);
#ifdef __x86_64__
    if (uses_tiles(shape)) {
        int64_t forward = attention_workspace_tiles_forward(shape);
        int64_t backward = attention_workspace_tiles_backward(shape);
        bytes = larger(bytes, larger(forward, backward));
    }
#endif
    return bytes;
}
