/* Backward on tiles: for blocks of keys outside and of queries inside, the probabilities P and the gradients
 * dS of the scores are computed again, transposed, in pieces of 32 x 32, and written in bf16 as factors of
 * what follows: dV += P^T dout, dK += dS^T q and, transposed, dQ^T += K^T dS^T. The sums are kept in fp32 for
 * a whole head: those of the keys stay in cache while those of the queries stream by.
 *
 * A unit of work is a key head, whose group of query heads adds up in dk and dv one after the other. The
 * scale of the scores waits until dq and dk are rounded. */
#include "attention_tiles.h"

#ifdef __x86_64__

#include "llmpi/kernels/threads.h"

#include <omp.h>

enum { KEYS = 64, QUERIES = 128 };

#define LOG2_E 1.44269504088896341

/* One thread's scratch memory; packed factors and sums of one head. */
struct memory {
    bf16 *k, *v;                          /* left factors */
    bf16 *q_right, *dout_right;           /* right factors (queries, width) */
    bf16 *q_transposed, *dout_transposed; /* right factors (width, queries) */
    bf16 *k_transposed;                   /* left factor (width, KEYS) of one block */
    float *dk, *dv;                       /* (keys, padded(width)) */
    float *dq;                            /* blocks of 32 queries: (padded(width), 32), transposed */
    float *lse, *mean;                    /* per query: log2 of the sum; of probability times gradient */
    struct lanes *lanes;                  /* per block of 32 queries */
};

/* Of one block of keys and queries: factors left (keys, queries) and right (keys, queries). */
struct memory_of_block {
    _Alignas(64) float scores[BLOCK * BLOCK];
    _Alignas(64) float dscores[BLOCK * BLOCK];
    _Alignas(64) bf16 p[KEYS * QUERIES];
    _Alignas(64) bf16 ds[KEYS * QUERIES];
    _Alignas(64) bf16 ds_right[KEYS * QUERIES];
};

static struct memory cut_memory(struct scratch *scratch, const struct attention_shape *shape)
{
    int64_t keys = padded(shape->n_key), queries = padded(shape->n_query), width = padded(shape->head_width);
    return (struct memory){
        .k = scratch_cut(scratch, keys, width, sizeof(bf16)),
        .v = scratch_cut(scratch, keys, width, sizeof(bf16)),
        .q_right = scratch_cut(scratch, queries, width, sizeof(bf16)),
        .dout_right = scratch_cut(scratch, queries, width, sizeof(bf16)),
        .q_transposed = scratch_cut(scratch, queries, width, sizeof(bf16)),
        .dout_transposed = scratch_cut(scratch, queries, width, sizeof(bf16)),
        .k_transposed = scratch_cut(scratch, KEYS, width, sizeof(bf16)),
        .dk = scratch_cut(scratch, keys, width, sizeof(float)),
        .dv = scratch_cut(scratch, keys, width, sizeof(float)),
        .dq = scratch_cut(scratch, queries, width, sizeof(float)),
        .lse = scratch_cut(scratch, queries, 1, sizeof(float)),
        .mean = scratch_cut(scratch, queries, 1, sizeof(float)),
        .lanes = scratch_cut(scratch, queries / BLOCK, 1, sizeof(struct lanes)),
    };
}

/* --- the vector part --- */

/* What one piece of 32 x 32 needs. */
struct piece {
    const struct head *head;
    const struct lanes *lanes;
    const float *lse, *mean;
    int64_t key;
    bf16 *p, *ds, *ds_right; /* its first tiles */
};

INLINE_TILED void differentiate(const struct memory_of_block *block, const struct piece *piece, bool edge,
                                bool drop)
{
    const __m512 scale = _mm512_set1_ps((float)(LOG2_E / sqrt((double)piece->head->shape->head_width)));
    for (int64_t j = 0; j < BLOCK; j += 2) {
        __m512i pair[2];
        for (int64_t i = 0; i < 2; i++) {
            __m512 p[2], ds[2];
            for (int64_t half = 0; half < 2; half++) {
                int64_t at = (j + i) * BLOCK + 16 * half;
                __mmask16 mask = edge ? visible(piece->lanes, half, piece->key + j + i) : 0xffff;
                __m512 dp = _mm512_load_ps(block->dscores + at);
                p[half] = exp2_lanes(_mm512_fmsub_ps(_mm512_load_ps(block->scores + at), scale,
                                                     _mm512_load_ps(piece->lse + 16 * half)));
                if (edge)
                    p[half] = _mm512_maskz_mov_ps(mask, p[half]);
                if (drop)
                    dp = dropped(dp, &piece->head->mask, piece->lanes, half, piece->key + j + i);
                ds[half] = _mm512_maskz_mul_ps(mask, p[half],
                                               _mm512_sub_ps(dp, _mm512_load_ps(piece->mean + 16 * half)));
                if (drop)
                    p[half] = dropped(p[half], &piece->head->mask, piece->lanes, half, piece->key + j + i);
            }
            int64_t at = (j + i) / 16 * (QUERIES / 32 * TILE) + (j + i) % 16 * 32;
            pair[i] = rounded(ds[0], ds[1]);
            _mm512_store_si512(piece->p + at, rounded(p[0], p[1]));
            _mm512_store_si512(piece->ds + at, pair[i]);
        }
        bf16 *row = piece->ds_right + j / 2 * 32;
        _mm512_store_si512(row, _mm512_unpacklo_epi16(pair[0], pair[1]));
        _mm512_store_si512(row + TILE, _mm512_unpackhi_epi16(pair[0], pair[1]));
    }
}

TILED static void differentiate_inside(const struct memory_of_block *block, const struct piece *piece)
{
    differentiate(block, piece, false, false);
}

TILED static void differentiate_edge(const struct memory_of_block *block, const struct piece *piece)
{
    differentiate(block, piece, true, false);
}

TILED static void differentiate_dropped(const struct memory_of_block *block, const struct piece *piece)
{
    differentiate(block, piece, true, true);
}

/* A piece that no query sees. */
static void clear_piece(const struct piece *piece)
{
    for (int64_t half = 0; half < 2; half++) {
        memset(piece->p + half * (QUERIES / 32 * TILE), 0, TILE * sizeof(bf16));
        memset(piece->ds + half * (QUERIES / 32 * TILE), 0, TILE * sizeof(bf16));
        memset(piece->ds_right + half * TILE, 0, TILE * sizeof(bf16));
    }
}

/* --- blocks --- */

static bool seen(const struct lanes *lanes, int64_t key)
{
    return lanes->least_first < key + BLOCK && lanes->most_place >= key;
}

/* The piece of keys from `key` and queries from `query`, at places `row` and `column` of the block. */
TILED static void compute_piece(struct memory_of_block *block, const struct memory *memory,
                                const struct head *head, int64_t key, int64_t query, int64_t row,
                                int64_t column)
{
    int64_t width = padded(head->shape->head_width), depth = width / 32;
    int64_t left = row / 16 * (QUERIES / 32 * TILE) + column / 32 * TILE;
    const struct piece piece = {
        .head = head,
        .lanes = memory->lanes + query / BLOCK,
        .lse = memory->lse + query,
        .mean = memory->mean + query,
        .key = key,
        .p = block->p + left,
        .ds = block->ds + left,
        .ds_right = block->ds_right + row / 32 * (QUERIES / 16 * TILE) + column / 16 * TILE,
    };
    if (!seen(piece.lanes, key)) {
        clear_piece(&piece);
        return;
    }
    const struct tiles k = {memory->k + key * width, depth * TILE, TILE};
    const struct tiles v = {memory->v + key * width, depth * TILE, TILE};
    const struct tiles q = {memory->q_transposed + query * width, depth * TILE, TILE};
    const struct tiles dout = {memory->dout_transposed + query * width, depth * TILE, TILE};
    multiply_block(block->scores, BLOCK, false, k, q, depth);
    multiply_block(block->dscores, BLOCK, false, v, dout, depth);
    if (head->dropped)
        differentiate_dropped(block, &piece);
    else if (all_visible(piece.lanes, key, BLOCK))
        differentiate_inside(block, &piece);
    else
        differentiate_edge(block, &piece);
}

/* Keys [key, key + keys) and queries [query, query + queries), multiples of 32. */
TILED static void backward_block(struct memory_of_block *block, const struct memory *memory,
                                 const struct head *head, int64_t key, int64_t keys, int64_t query,
                                 int64_t queries)
{
    int64_t width = padded(head->shape->head_width);
    for (int64_t row = 0; row < keys; row += BLOCK)
        for (int64_t column = 0; column < queries; column += BLOCK)
            compute_piece(block, memory, head, key + row, query + column, row, column);
    const struct tiles p = {block->p, QUERIES / 32 * TILE, TILE};
    const struct tiles ds = {block->ds, QUERIES / 32 * TILE, TILE};
    const struct tiles dout = {memory->dout_right + query * width, TILE, width / 16 * TILE};
    const struct tiles q = {memory->q_right + query * width, TILE, width / 16 * TILE};
    const struct tiles k = {memory->k_transposed, TILE, width / 16 * TILE};
    multiply(memory->dv + key * width, width, true, p, keys, dout, width, queries / 32);
    multiply(memory->dk + key * width, width, true, ds, keys, q, width, queries / 32);
    for (int64_t column = 0; column < queries; column += BLOCK) {
        const struct tiles ds_right = {block->ds_right + column / 16 * TILE, TILE, QUERIES / 16 * TILE};
        multiply(memory->dq + (query + column) * width, BLOCK, true, k, width, ds_right, BLOCK, keys / 32);
    }
}

/* --- heads --- */

static struct rows rows_of(const void *array, int64_t offset, int64_t count, int64_t stride, int64_t width)
{
    return (struct rows){(const bf16 *)array + offset, count, stride, width};
}

INLINE_TILED float dot(const bf16 *a, const bf16 *b, int64_t n)
{
    __m512 sum = _mm512_setzero_ps();
    for (int64_t i = 0; i < n; i += 32) {
        __mmask32 mask = n - i >= 32 ? UINT32_MAX : (1u << (n - i)) - 1;
        sum = _mm512_dpbf16_ps(sum, (__m512bh)_mm512_maskz_loadu_epi16(mask, a + i),
                               (__m512bh)_mm512_maskz_loadu_epi16(mask, b + i));
    }
    return _mm512_reduce_add_ps(sum);
}

/* What the queries of a head bring along, and sums of zero. */
TILED static void begin_head(const struct attention_gradients *arrays, const struct head *head,
                             const struct memory *memory)
{
    const struct attention_shape *shape = head->shape;
    int64_t queries = shape->n_query, width = shape->head_width, all = padded(queries);
    const struct rows q = rows_of(arrays->q, head->query, queries, shape->query_stride, width);
    const struct rows dout = rows_of(arrays->dout, head->out, queries, shape->out_stride, width);
    const struct rows out = rows_of(arrays->out, head->out, queries, shape->out_stride, width);
    pack_right(memory->q_right, &q);
    pack_right(memory->dout_right, &dout);
    pack_right_transposed(memory->q_transposed, &q);
    pack_right_transposed(memory->dout_transposed, &dout);
    memset(memory->dq, 0, (size_t)(all * padded(width)) * sizeof *memory->dq);
    for (int64_t query = 0; query < all; query++) {
        bool exists = query < queries;
        memory->lse[query] = exists ? arrays->lse[head->row + query] * (float)LOG2_E : 0.0f;
        memory->mean[query] =
            exists ? dot(dout.first + query * dout.stride, out.first + query * out.stride, width) : 0.0f;
    }
    for (int64_t query = 0; query < queries; query += BLOCK)
        memory->lanes[query / BLOCK] = lanes_of(head, query);
}

TILED static void end_head(const struct attention_gradients *arrays, const struct head *head,
                           const struct memory *memory)
{
    const struct attention_shape *shape = head->shape;
    int64_t width = shape->head_width;
    float scale[BLOCK];
    for (int i = 0; i < BLOCK; i++)
        scale[i] = score_scale(shape);
    for (int64_t query = 0; query < shape->n_query; query += BLOCK)
        unpack_transposed((bf16 *)arrays->dq + head->query + query * shape->query_stride, shape->query_stride,
                          memory->dq + query * padded(width), BLOCK, smaller(BLOCK, shape->n_query - query),
                          width, scale);
}

TILED static void backward_head(const struct attention_gradients *arrays, const struct head *head,
                                const struct memory *memory)
{
    const struct attention_shape *shape = head->shape;
    struct memory_of_block block;
    int64_t keys = padded(shape->n_key), queries = padded(shape->n_query);
    begin_head(arrays, head, memory);
    for (int64_t key = 0; key < keys; key += KEYS) {
        int64_t n = smaller(KEYS, keys - key), first = key - place_of(head, 0);
        const struct rows k =
            rows_of(arrays->k, head->key + key * shape->key_stride, smaller(KEYS, shape->n_key - key),
                    shape->key_stride, shape->head_width);
        pack_left_transposed(memory->k_transposed, &k);
        for (int64_t query = first > 0 ? first / BLOCK * BLOCK : 0; query < queries; query += QUERIES) {
            const struct lanes *lanes = memory->lanes + query / BLOCK;
            int64_t m = smaller(QUERIES, queries - query);
            bool any = false;
            for (int64_t i = 0; i < m / BLOCK; i++)
                any = any || seen(&lanes[i], key) || seen(&lanes[i], key + n - BLOCK);
            if (any)
                backward_block(&block, memory, head, key, n, query, m);
        }
    }
    end_head(arrays, head, memory);
}

TILED static void backward_group(const struct attention_gradients *arrays,
                                 const struct attention_shape *shape, int64_t sequence, int64_t kv,
                                 const struct dropout *dropout, void *workspace)
{
    struct scratch scratch = {.memory = workspace};
    struct memory memory = {0};
    for (int thread = 0; thread <= omp_get_thread_num(); thread++)
        memory = cut_memory(&scratch, shape);
    int64_t group = shape->n_head / shape->n_kv_head, width = padded(shape->head_width);
    struct head head = head_of(shape, sequence, kv * group, dropout);
    const struct rows k = rows_of(arrays->k, head.key, shape->n_key, shape->key_stride, shape->head_width);
    const struct rows v =
        rows_of(arrays->v, head.value, shape->n_key, shape->value_stride, shape->head_width);
    tiles_begin();
    pack_left(memory.k, &k);
    pack_left(memory.v, &v);
    memset(memory.dk, 0, (size_t)(padded(shape->n_key) * width) * sizeof *memory.dk);
    memset(memory.dv, 0, (size_t)(padded(shape->n_key) * width) * sizeof *memory.dv);
    for (int64_t number = kv * group; number < (kv + 1) * group; number++) {
        head = head_of(shape, sequence, number, dropout);
        backward_head(arrays, &head, &memory);
    }
    tiles_end();
    unpack((bf16 *)arrays->dk + head.key, shape->key_stride, memory.dk, shape->n_key, shape->head_width,
           score_scale(shape));
    unpack((bf16 *)arrays->dv + head.value, shape->value_stride, memory.dv, shape->n_key, shape->head_width,
           1.0f);
}

void attention_backward_tiles(const struct attention_gradients *arrays, const struct attention_shape *shape,
                              const struct dropout *dropout, void *workspace)
{
#pragma omp parallel for collapse(2) schedule(dynamic, 1)
    for (int64_t sequence = 0; sequence < shape->sequences; sequence++)
        for (int64_t kv = 0; kv < shape->n_kv_head; kv++)
            backward_group(arrays, shape, sequence, kv, dropout, workspace);
}

int64_t attention_workspace_tiles_backward(const struct attention_shape *shape)
{
    struct scratch scratch = {0};
    for (int thread = 0; thread < threads_count(); thread++)
        cut_memory(&scratch, shape);
    return scratch.used;
}

#endif
