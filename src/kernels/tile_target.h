/* Where the sums of a block of 32 x 32 go when they are complete: the output of a product, as far as it
 * reaches, in bf16 or fp32. */
#ifndef LLMPI_KERNELS_TILE_TARGET_H
#define LLMPI_KERNELS_TILE_TARGET_H

#ifdef __x86_64__

#include "tile_gemm.h"
#include "tiles.h"

struct tile_target {
    char *y;
    int64_t row_bytes, rows; /* distance of rows; how many there are */
    enum tile_output output;
    __mmask16 low, high; /* columns that there are, of the first and the second 16 */
    __m512 bias[2];
};

static inline int64_t tile_output_bytes(enum tile_output output)
{
    return output == TILE_BF16 ? sizeof(bf16) : sizeof(float);
}

/* Both halves of a row of sums. */
INLINE_TILED void tile_target_store(const struct tile_target *target, int64_t row, __m512 left, __m512 right)
{
    if (row >= target->rows)
        return;
    float *y = (float *)(target->y + row * target->row_bytes);
    left = _mm512_add_ps(left, target->bias[0]);
    right = _mm512_add_ps(right, target->bias[1]);
    if (target->output == TILE_BF16) {
        _mm512_mask_storeu_epi16(y, (__mmask32)target->high << 16 | target->low,
                                 (__m512i)_mm512_cvtne2ps_pbh(right, left));
        return;
    }
    if (target->output == TILE_ADD_FP32) {
        left = _mm512_add_ps(left, _mm512_maskz_loadu_ps(target->low, y));
        right = _mm512_add_ps(right, _mm512_maskz_loadu_ps(target->high, y + 16));
    }
    _mm512_mask_storeu_ps(y, target->low, left);
    _mm512_mask_storeu_ps(y + 16, target->high, right);
}

/* tile_dots.c: the product of two pairs of tiles and `sums` (32, 32; NULL: zeros), straight to its target. */
void tile_dots_finish(const struct tile_target *target, const float *sums, struct tile_pair left,
                      struct tile_pair right, int64_t steps, struct tile_ahead ahead);

#endif
#endif
