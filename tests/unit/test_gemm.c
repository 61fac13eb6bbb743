/* gemm() against sums in double precision, with the kernels of every instruction set that this machine has.
 * The factors and the output end where a page that may not be touched begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/kernels/gemm.h"
#include "llmpi/base/cpu.h"
#include "reference/samples.h"

#include <cmocka.h> /* last: it defines fail() */

/* Tiles are 14 x 32 and 6 x 16, blocks 384 deep and 768 wide, and up to 128 rows or columns are not packed.
 */
static const int64_t shapes[][3] = {
    {1, 1, 1},      {5, 3, 2},     {6, 16, 4},     {7, 17, 5},   {14, 32, 64},  {15, 33, 7},   {13, 31, 3},
    {64, 128, 64},  {64, 64, 128}, {29, 61, 37},   {5, 1, 400},  {2, 3, 5},     {1, 50, 30},   {131, 137, 11},
    {20, 160, 385}, {20, 64, 769}, {129, 160, 50}, {9, 770, 20}, {30, 1600, 6}, {128, 96, 130}};

enum { SHAPES = sizeof shapes / sizeof *shapes, UNUSED = 12345 };

/* `floats` of them that end at a page without access. */
struct guarded {
    void *pages;
    size_t bytes;
    float *values;
};

static struct guarded guarded(int64_t floats)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (size_t)floats * sizeof(float);
    size_t front = (used + page - 1) / page * page;
    struct guarded area = {.bytes = front + page};
    area.pages = mmap(NULL, area.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(area.pages != MAP_FAILED);
    assert_int_equal(mprotect((char *)area.pages + front, page, PROT_NONE), 0);
    area.values = (float *)(void *)((char *)area.pages + front - used);
    return area;
}

static void release(struct guarded *area)
{
    munmap(area->pages, area->bytes);
}

/* A stored matrix of rows x columns, `spare` floats between rows and none after the last. */
struct matrix {
    struct guarded area;
    int64_t rows, columns, stride;
};

static struct matrix matrix(int64_t rows, int64_t columns, int64_t spare, uint64_t seed)
{
    struct matrix m = {.rows = rows, .columns = columns, .stride = columns + spare};
    int64_t floats = (rows - 1) * m.stride + columns;
    m.area = guarded(floats);
    float *values = samples(floats, seed, 1.0);
    memcpy(m.area.values, values, (size_t)floats * sizeof *values);
    free(values);
    for (int64_t row = 0; row + 1 < rows; row++)
        for (int64_t i = 0; i < spare; i++)
            m.area.values[row * m.stride + columns + i] = UNUSED;
    return m;
}

struct product {
    int64_t m, n, k, spare;
    bool a_transposed, b_transposed;
    float alpha, beta;
};

static double element(const struct matrix *m, bool transposed, int64_t row, int64_t column)
{
    return m->area.values[transposed ? column * m->stride + row : row * m->stride + column];
}

/* Each of the k products, the sum with c and the scalings round once, each time by at most half a step of
 * what the magnitudes add up to. */
static void check_element(const struct product *p, const struct matrix *a, const struct matrix *b,
                          double before, float got, int64_t row, int64_t column)
{
    double sum = 0.0, magnitude = 0.0;
    for (int64_t i = 0; i < p->k; i++) {
        double term = element(a, p->a_transposed, row, i) * element(b, p->b_transposed, i, column);
        sum += term;
        magnitude += fabs(term);
    }
    double wanted = p->alpha * sum, bound = fabs(p->alpha) * magnitude;
    if (p->beta != 0.0f) {
        wanted += p->beta * before;
        bound += fabs(p->beta * before);
    }
    bound *= 0.5 * FLOAT_STEP * ((double)p->k + 4.0);
    if (!(fabs(got - wanted) <= bound))
        fail_msg("%lld x %lld x %lld%s%s at level %s: element %lld, %lld is %g, not %g within %g",
                 (long long)p->m, (long long)p->n, (long long)p->k, p->a_transposed ? ", a transposed" : "",
                 p->b_transposed ? ", b transposed" : "", cpu_level_name(cpu_level()), (long long)row,
                 (long long)column, (double)got, wanted, bound);
}

static void check(const struct product *p)
{
    struct matrix a = p->a_transposed ? matrix(p->k, p->m, p->spare, 1) : matrix(p->m, p->k, p->spare, 1);
    struct matrix b = p->b_transposed ? matrix(p->n, p->k, p->spare, 2) : matrix(p->k, p->n, p->spare, 2);
    struct matrix c = matrix(p->m, p->n, p->spare, 3), before = matrix(p->m, p->n, p->spare, 3);
    for (int64_t row = 0; p->beta == 0.0f && row < p->m; row++)
        for (int64_t column = 0; column < p->n; column++)
            c.area.values[row * c.stride + column] = NAN;
    gemm(c.area.values, c.stride, p->beta, p->alpha,
         (struct gemm_factor){a.area.values, a.stride, p->a_transposed},
         (struct gemm_factor){b.area.values, b.stride, p->b_transposed}, p->m, p->n, p->k);
    for (int64_t row = 0; row < p->m; row++) {
        for (int64_t column = 0; column < p->n; column++)
            check_element(p, &a, &b, element(&before, false, row, column),
                          c.area.values[row * c.stride + column], row, column);
        for (int64_t i = p->n; row + 1 < p->m && i < c.stride; i++)
            assert_true(c.area.values[row * c.stride + i] == UNUSED);
    }
    release(&a.area), release(&b.area), release(&c.area), release(&before.area);
}

static void check_shape(const int64_t *shape)
{
    static const float scales[][2] = {{1.0f, 0.0f}, {1.0f, 1.0f}, {0.125f, 0.0f}, {-0.7f, 0.3f}};
    for (int variant = 0; variant < 16; variant++) {
        struct product p = {.m = shape[0],
                            .n = shape[1],
                            .k = shape[2],
                            .spare = variant / 4 % 2 * 5,
                            .a_transposed = variant % 2 == 1,
                            .b_transposed = variant / 2 % 2 == 1,
                            .alpha = scales[(variant + variant / 4) % 4][0],
                            .beta = scales[(variant + variant / 4) % 4][1]};
        check(&p);
    }
}

/* Pieces of an output have the bits of the whole. (CBLAS does not promise that.) */
static void pieces_have_the_same_bits(void)
{
    enum { M = 150, N = 200, K = 500 };
    float *a = samples(M * K, 1, 1.0), *b = samples(K * N, 2, 1.0);
    float *whole = repeated(M * N, NAN), *pieces = repeated(M * N, NAN);
    gemm(whole, N, 0.0f, 1.0f, (struct gemm_factor){a, K, false}, (struct gemm_factor){b, N, false}, M, N, K);
    for (int64_t row = 0; row < M; row += 50)
        for (int64_t column = 0; column < N; column += 40)
            gemm(pieces + row * N + column, N, 0.0f, 1.0f, (struct gemm_factor){a + row * K, K, false},
                 (struct gemm_factor){b + column, N, false}, 50, 40, K);
    assert_memory_equal(pieces, whole, M * N * sizeof *whole);
    free(a), free(b), free(whole), free(pieces);
}

static void empty_products_scale_the_output(void)
{
    for (int64_t m = 1; m <= 9; m += 8) {
        float c[18];
        for (int i = 0; i < 18; i++)
            c[i] = (float)i;
        struct gemm_factor none = {c, 2, false};
        gemm(c, 2, 0.5f, 1.0f, none, none, m, 2, 0);
        for (int i = 0; i < 18; i++)
            assert_true(c[i] == (float)i * (i < 2 * m ? 0.5f : 1.0f));
        gemm(c, 2, 0.0f, 1.0f, none, none, 0, 2, 2);
        gemm(c, 2, 0.0f, 1.0f, none, none, m, 0, 2);
        assert_true(c[1] == 0.5f);
        gemm(c, 2, 0.0f, 1.0f, none, none, m, 2, 0);
        assert_true(c[1] == 0.0f);
    }
}

/* A number that is not finite reaches the rows or columns that it belongs to, and no others. */
static void infinity_and_nan_reach_what_they_should(void)
{
    enum { M = 21, N = 37, K = 50 };
    for (int transposed = 0; transposed < 2; transposed++) {
        float *a = repeated(M * K, 1.0f), *b = repeated(K * N, 1.0f), *c = repeated(M * N, 0.0f);
        a[transposed ? 3 * M + 20 : 20 * K + 3] = NAN;
        b[transposed ? 36 * K + 49 : 49 * N + 36] = INFINITY;
        gemm(c, N, 0.0f, 1.0f, (struct gemm_factor){a, transposed ? M : K, transposed != 0},
             (struct gemm_factor){b, transposed ? K : N, transposed != 0}, M, N, K);
        for (int i = 0; i < M * N; i++) {
            if (i / N == 20)
                assert_true(isnan(c[i]));
            else
                assert_true(c[i] == (i % N == 36 ? INFINITY : (float)K));
        }
        free(a), free(b), free(c);
    }
}

/* From the highest level down: a limit cannot be lifted. */
static void every_level_is_right(void **state)
{
    (void)state;
    for (int level = (int)cpu_level(); level >= CPU_PLAIN; level--) {
        cpu_limit((enum cpu_level)level);
        for (int s = 0; s < SHAPES; s++)
            check_shape(shapes[s]);
        empty_products_scale_the_output();
        infinity_and_nan_reach_what_they_should();
        if (level >= CPU_AVX2)
            pieces_have_the_same_bits();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
