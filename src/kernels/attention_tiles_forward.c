/* Forward on tiles: 32 queries at a time meet blocks of keys. Scores and sums are kept in fp32; probabilities
 * are relative to a largest score that is only raised when it is exceeded by more than a factor of 2^8, so
 * that the sums so far are rarely rescaled. All in powers of two: scores are multiplied by log2(e).
 *
 * A unit of work is a part of the queries of one head, with the keys and values that these see packed anew,
 * so the results of a query are the same however the work is shared out. */
#include "attention_tiles.h"

#ifdef __x86_64__

#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"

#include <float.h>
#include <omp.h>

enum { KEY_BLOCK = 128 };

#define LOG2_E 1.44269504088896341
#define LN_2   0.693147180559945309f
#define SLACK  8.0f /* the power of two by which a probability may exceed 1 */

/* One thread's scratch memory. */
struct memory {
    bf16 *keys, *values, *queries; /* packed: of the head, of the head, of the block */
    float *sum;                    /* (padded(width), 32): probabilities times values, transposed */
};

struct memory_of_block {
    _Alignas(64) float scores[KEY_BLOCK * BLOCK];
    _Alignas(64) bf16 probabilities[KEY_BLOCK * BLOCK];
};

/* The softmax of 32 queries so far. */
struct running {
    __m512 largest[2], total[2];
};

static struct memory cut_memory(struct scratch *scratch, const struct attention_shape *shape)
{
    int64_t keys = padded(shape->n_key), width = padded(shape->head_width);
    return (struct memory){
        .keys = scratch_cut(scratch, keys, width, sizeof(bf16)),
        .values = scratch_cut(scratch, keys, width, sizeof(bf16)),
        .queries = scratch_cut(scratch, BLOCK, width, sizeof(bf16)),
        .sum = scratch_cut(scratch, BLOCK, width, sizeof(float)),
    };
}

/* The largest visible score of each query. */
INLINE_TILED void find_largest(__m512 largest[2], const float *scores, const struct lanes *lanes, int64_t key,
                               int64_t keys, bool edge)
{
    for (int64_t half = 0; half < 2; half++) {
        __m512 most[4];
        for (int i = 0; i < 4; i++)
            most[i] = _mm512_set1_ps(-FLT_MAX);
        for (int64_t j = 0; j < keys; j += 4) {
            for (int64_t i = 0; i < 4; i++) {
                __m512 score = _mm512_load_ps(scores + (j + i) * BLOCK + 16 * half);
                __mmask16 mask = edge ? visible(lanes, half, key + j + i) : 0xffff;
                most[i] = _mm512_mask_max_ps(most[i], mask, score, most[i]);
            }
        }
        largest[half] = _mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3]));
    }
}

/* Lanes of queries as columns of the sum. */
INLINE_TILED void in_columns(__m512 columns[2], const __m512 lanes[2])
{
    const __m512i first = _mm512_set_epi32(27, 26, 25, 24, 19, 18, 17, 16, 11, 10, 9, 8, 3, 2, 1, 0);
    columns[0] = _mm512_permutex2var_ps(lanes[0], first, lanes[1]);
    columns[1] = _mm512_permutex2var_ps(lanes[0], _mm512_add_epi32(first, _mm512_set1_epi32(4)), lanes[1]);
}

/* Raises what probabilities are relative to, where `largest` exceeds it by far, and rescales the sums. */
INLINE_TILED void raise(struct running *running, const __m512 largest[2], float *sum, int64_t width)
{
    __m512 factors[2], columns[2];
    __mmask16 raised[2];
    for (int half = 0; half < 2; half++)
        raised[half] = _mm512_cmp_ps_mask(
            largest[half], _mm512_add_ps(running->largest[half], _mm512_set1_ps(SLACK)), _CMP_GT_OQ);
    if ((raised[0] | raised[1]) == 0)
        return;
    for (int half = 0; half < 2; half++) {
        __m512 before = running->largest[half];
        factors[half] = _mm512_mask_mov_ps(_mm512_set1_ps(1.0f), raised[half],
                                           exp2_lanes(_mm512_sub_ps(before, largest[half])));
        running->largest[half] = _mm512_mask_mov_ps(before, raised[half], largest[half]);
        running->total[half] = _mm512_mul_ps(running->total[half], factors[half]);
    }
    in_columns(columns, factors);
    for (float *row = sum; row < sum + width * BLOCK; row += BLOCK) {
        _mm512_store_ps(row, _mm512_mul_ps(_mm512_load_ps(row), columns[0]));
        _mm512_store_ps(row + 16, _mm512_mul_ps(_mm512_load_ps(row + 16), columns[1]));
    }
}

/* Scores to probabilities, as right factor. */
INLINE_TILED void exponentiate(bf16 *probabilities, struct running *running, const float *scores,
                               const struct head *head, const struct lanes *lanes, int64_t key, int64_t keys,
                               __m512 scale, bool edge, bool drop)
{
    for (int64_t j = 0; j < keys; j += 2) {
        __m512i pair[2];
        for (int64_t i = 0; i < 2; i++) {
            __m512 p[2];
            for (int64_t half = 0; half < 2; half++) {
                __m512 score = _mm512_load_ps(scores + (j + i) * BLOCK + 16 * half);
                p[half] = exp2_lanes(_mm512_fmsub_ps(score, scale, running->largest[half]));
                if (edge)
                    p[half] = _mm512_maskz_mov_ps(visible(lanes, half, key + j + i), p[half]);
                running->total[half] = _mm512_add_ps(running->total[half], p[half]);
                if (drop)
                    p[half] = dropped(p[half], &head->mask, lanes, half, key + j + i);
            }
            pair[i] = rounded(p[0], p[1]);
        }
        bf16 *row = probabilities + j / 32 * 2 * TILE + j % 32 / 2 * 32;
        _mm512_store_si512(row, _mm512_unpacklo_epi16(pair[0], pair[1]));
        _mm512_store_si512(row + TILE, _mm512_unpackhi_epi16(pair[0], pair[1]));
    }
}

INLINE_TILED void soften(struct memory_of_block *block, struct running *running, float *sum,
                         const struct head *head, const struct lanes *lanes, int64_t key, int64_t keys,
                         bool edge, bool drop)
{
    __m512 largest[2];
    __m512 scale = _mm512_set1_ps((float)(LOG2_E / sqrt((double)head->shape->head_width)));
    find_largest(largest, block->scores, lanes, key, keys, edge);
    for (int half = 0; half < 2; half++)
        largest[half] = _mm512_mul_ps(largest[half], scale);
    raise(running, largest, sum, padded(head->shape->head_width));
    exponentiate(block->probabilities, running, block->scores, head, lanes, key, keys, scale, edge, drop);
}

TILED static void soften_inside(struct memory_of_block *block, struct running *running, float *sum,
                                const struct head *head, const struct lanes *lanes, int64_t key, int64_t keys)
{
    soften(block, running, sum, head, lanes, key, keys, false, false);
}

TILED static void soften_edge(struct memory_of_block *block, struct running *running, float *sum,
                              const struct head *head, const struct lanes *lanes, int64_t key, int64_t keys)
{
    soften(block, running, sum, head, lanes, key, keys, true, false);
}

TILED static void soften_dropped(struct memory_of_block *block, struct running *running, float *sum,
                                 const struct head *head, const struct lanes *lanes, int64_t key,
                                 int64_t keys)
{
    soften(block, running, sum, head, lanes, key, keys, true, true);
}

/* The sums of `queries` queries from `query` on. */
TILED static void attend(struct running *running, const struct memory *memory, const struct head *head,
                         const struct lanes *lanes, int64_t end)
{
    struct memory_of_block block;
    int64_t width = padded(head->shape->head_width), depth = width / 32;
    const struct tiles q = {memory->queries, depth * TILE, TILE}, p = {block.probabilities, TILE, 2 * TILE};
    for (int64_t key = lanes->least_first / BLOCK * BLOCK; key < end; key += KEY_BLOCK) {
        int64_t keys = smaller(KEY_BLOCK, end - key);
        const struct tiles k = {memory->keys + key * width, depth * TILE, TILE};
        const struct tiles v = {memory->values + key * width, TILE, width / 16 * TILE};
        multiply(block.scores, BLOCK, false, k, keys, q, BLOCK, depth);
        if (head->dropped)
            soften_dropped(&block, running, memory->sum, head, lanes, key, keys);
        else if (all_visible(lanes, key, keys))
            soften_inside(&block, running, memory->sum, head, lanes, key, keys);
        else
            soften_edge(&block, running, memory->sum, head, lanes, key, keys);
        multiply(memory->sum, BLOCK, true, v, width, p, BLOCK, keys / BLOCK);
    }
}

TILED static void forward_block(const struct attention_outputs *arrays, const struct head *head,
                                const struct memory *memory, int64_t query)
{
    const struct attention_shape *shape = head->shape;
    int64_t queries = smaller(BLOCK, shape->n_query - query), width = shape->head_width;
    const struct lanes lanes = lanes_of(head, query);
    const struct rows rows = {(const bf16 *)arrays->q + head->query + query * shape->query_stride, queries,
                              shape->query_stride, width};
    struct running running;
    float largest[BLOCK], total[BLOCK], inverse[BLOCK];
    __m512 inverses[2], columns[2];
    for (int half = 0; half < 2; half++) {
        running.largest[half] = _mm512_set1_ps(-FLT_MAX);
        running.total[half] = _mm512_setzero_ps();
    }
    memset(memory->sum, 0, (size_t)(padded(width) * BLOCK) * sizeof *memory->sum);
    pack_right_transposed(memory->queries, &rows);
    attend(&running, memory, head, &lanes, padded(place_of(head, query + queries - 1) + 1));
    for (int half = 0; half < 2; half++) {
        inverses[half] = _mm512_div_ps(_mm512_set1_ps(1.0f), running.total[half]);
        _mm512_storeu_ps(largest + 16 * half, running.largest[half]);
        _mm512_storeu_ps(total + 16 * half, running.total[half]);
    }
    in_columns(columns, inverses);
    _mm512_storeu_ps(inverse, columns[0]);
    _mm512_storeu_ps(inverse + 16, columns[1]);
    unpack_transposed((bf16 *)arrays->out + head->out + query * shape->out_stride, shape->out_stride,
                      memory->sum, BLOCK, queries, width, inverse);
    for (int64_t i = 0; i < queries; i++)
        arrays->lse[head->row + query + i] = largest[i] * LN_2 + logf(total[i]);
}

/* Queries [query, end) of one head. */
TILED static void forward_part(const struct attention_outputs *arrays, const struct head *head, int64_t query,
                               int64_t end, void *workspace)
{
    const struct attention_shape *shape = head->shape;
    struct scratch scratch = {.memory = workspace};
    struct memory memory = {0};
    for (int thread = 0; thread <= omp_get_thread_num(); thread++)
        memory = cut_memory(&scratch, shape);
    int64_t keys = place_of(head, end - 1) + 1;
    const struct rows k = {(const bf16 *)arrays->k + head->key, keys, shape->key_stride, shape->head_width};
    const struct rows v = {(const bf16 *)arrays->v + head->value, keys, shape->value_stride,
                           shape->head_width};
    tiles_begin();
    pack_left(memory.keys, &k);
    pack_left_transposed(memory.values, &v);
    for (; query < end; query += BLOCK)
        forward_block(arrays, head, &memory, query);
    tiles_end();
}

/* Whole heads where there are enough for all threads, to pack keys and values once; else parts. */
static int64_t queries_of_part(const struct attention_shape *shape)
{
    int64_t heads = shape->sequences * shape->n_head, wanted = 2 * threads_count();
    int64_t parts = heads >= wanted ? 1 : divide_up(wanted, heads);
    return padded(divide_up(shape->n_query, parts));
}

void attention_forward_tiles(const struct attention_outputs *arrays, const struct attention_shape *shape,
                             const struct dropout *dropout, void *workspace)
{
    if (shape->sequences == 0 || shape->n_query == 0)
        return;
    int64_t queries = queries_of_part(shape), parts = divide_up(shape->n_query, queries);
#pragma omp parallel for collapse(3) schedule(dynamic, 1)
    for (int64_t sequence = 0; sequence < shape->sequences; sequence++) {
        for (int64_t number = 0; number < shape->n_head; number++) {
            for (int64_t part = parts - 1; part >= 0; part--) {
                struct head head = head_of(shape, sequence, number, dropout);
                forward_part(arrays, &head, part * queries, smaller(shape->n_query, (part + 1) * queries),
                             workspace);
            }
        }
    }
}

int64_t attention_workspace_tiles_forward(const struct attention_shape *shape)
{
    struct scratch scratch = {0};
    for (int thread = 0; thread < threads_count(); thread++)
        cut_memory(&scratch, shape);
    return scratch.used;
}

#endif
