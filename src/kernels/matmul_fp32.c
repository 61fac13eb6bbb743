/* fp32 products: our own kernels (gemm_vector.h) where they are faster, else CBLAS. BLAS runs
 * single-threaded; each of our OpenMP threads computes its own piece of the output, so the pieces need no
 * order and there is one pool of threads. */
#include "gemm.h"

#include "gemm_vector.h"
#include "llmpi/base/cpu.h"
#include "llmpi/base/integer.h"
#include "llmpi/kernels/threads.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_MULTIPLE 16           /* elements: a cache line, and the registers of BLAS' inner loops */
#define LARGEST_CALL   GEMM_LARGEST /* rows a call */
#define FEW_ROWS       4            /* up to here one product per row is faster: generation has one row */
#define LARGEST_OWN    524288.0     /* elements of b up to which our AVX2 kernels beat OpenBLAS' */
#define SMALLEST_SHARE 65536.0      /* multiplications that are worth a thread */

/* OpenBLAS only; NULL with another library. The last two are of its builds with kernels for many processors.
 */
extern int openblas_get_parallel(void) __attribute__((weak));
extern void openblas_set_num_threads(int threads) __attribute__((weak));
extern char *openblas_get_config(void) __attribute__((weak));
extern char *openblas_get_corename(void) __attribute__((weak));
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

enum { PARALLEL_PTHREADS = 1, PARALLEL_OPENMP = 2 }; /* of openblas_get_parallel() */

#ifdef __x86_64__
static bool is_avx512(const char *kernels)
{
    return strcmp(kernels, "SkylakeX") == 0 || strcmp(kernels, "Cooperlake") == 0 ||
           strcmp(kernels, "SapphireRapids") == 0;
}

/* The kernels that fit cpu_level() better than those that OpenBLAS has chosen; NULL: none.
 *
 * OpenBLAS before 0.3.25 knows processors by model number and takes SSE3 kernels, "Prescott", a fifth of the
 * speed, on Intel models newer than itself (OpenBLAS issue 4267; such as model 207, Emerald Rapids, with
 * Debian 12's 0.3.21). And what LLMPI_MAX_ISA hides is hidden from OpenBLAS too. */
static const char *fitting_kernels(const char *chosen)
{
    bool oldest = strcmp(chosen, "Prescott") == 0;
    if (cpu_level() >= CPU_AVX512)
        return oldest ? "SkylakeX" : NULL;
    if (cpu_level() == CPU_AVX2)
        return oldest || is_avx512(chosen) ? "Haswell" : NULL;
    return !oldest && getenv("LLMPI_MAX_ISA") != NULL ? "Prescott" : NULL;
}
#endif

/* OpenBLAS is asked to choose again, with the name of the kernels in the environment variable that it has for
 * this, unless the user has set that. */
static void choose_kernels(void)
{
#ifdef __x86_64__
    if (!openblas_get_corename || !gotoblas_dynamic_init || !gotoblas_dynamic_quit ||
        getenv("OPENBLAS_CORETYPE") != NULL)
        return;
    const char *kernels = fitting_kernels(openblas_get_corename());
    if (kernels == NULL)
        return;
    setenv("OPENBLAS_CORETYPE", kernels, 1);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    unsetenv("OPENBLAS_CORETYPE");
#endif
}

/* Before main, while there is one thread and nothing has used BLAS. The variant with OpenMP is
 * single-threaded inside our parallel regions by itself, and its setter would change the whole program's
 * number of threads. */
__attribute__((constructor)) static void prepare_blas(void)
{
    choose_kernels();
    if (openblas_get_parallel && openblas_set_num_threads && openblas_get_parallel() == PARALLEL_PTHREADS)
        openblas_set_num_threads(1);
}

const char *threads_blas_library(void)
{
    static char text[160];
    if (!openblas_get_config)
        return "CBLAS (not OpenBLAS; set its own threads to 1)";
    int parallel = openblas_get_parallel ? openblas_get_parallel() : 0;
    const char *threading = parallel == PARALLEL_OPENMP     ? "OpenMP"
                            : parallel == PARALLEL_PTHREADS ? "pthreads, used with 1"
                                                            : "none";
    snprintf(text, sizeof text, "%.100s (threads: %s)", openblas_get_config(), threading);
    return text;
}

static const float *factor_at(const struct gemm_factor *factor, int64_t row, int64_t column)
{
    return factor->values +
           (factor->transposed ? column * factor->stride + row : row * factor->stride + column);
}

/* Few rows: BLAS' product with one vector reads b once as it lies, where its matrix product would copy all of
 * it first. (The row is cleared instead of beta 0, since some versions of BLAS multiply what is there.) */
static void gemv_rows(float *c, int64_t c_stride, float beta, float alpha, const struct gemm_factor *a,
                      const struct gemm_factor *b, int64_t m, int64_t n, int64_t k)
{
    for (int64_t row = 0; row < m; row++) {
        float *sum = c + row * c_stride;
        if (beta == 0.0f)
            memset(sum, 0, (size_t)n * sizeof *sum);
        cblas_sgemv(CblasRowMajor, b->transposed ? CblasNoTrans : CblasTrans, (int)(b->transposed ? n : k),
                    (int)(b->transposed ? k : n), alpha, b->values, (int)b->stride,
                    a->values + row * a->stride, 1, beta == 0.0f ? 1.0f : beta, sum, 1);
    }
}

static void gemm_blas(float *c, int64_t c_stride, float beta, float alpha, const struct gemm_factor *a,
                      const struct gemm_factor *b, int64_t m, int64_t n, int64_t k)
{
    for (int64_t row = 0; row < m; row += LARGEST_CALL) {
        for (int64_t inner = 0; inner < k; inner += LARGEST_CALL) {
            cblas_sgemm(CblasRowMajor, a->transposed ? CblasTrans : CblasNoTrans,
                        b->transposed ? CblasTrans : CblasNoTrans, (int)smaller(LARGEST_CALL, m - row),
                        (int)n, (int)smaller(LARGEST_CALL, k - inner), alpha, factor_at(a, row, inner),
                        (int)a->stride, factor_at(b, inner, 0), (int)b->stride, inner == 0 ? beta : 1.0f,
                        c + row * c_stride, (int)c_stride);
        }
    }
}

/* c *= beta: all that a product without an inner dimension does. */
static void scale(float *c, int64_t c_stride, float beta, int64_t m, int64_t n)
{
    for (int64_t row = 0; row < m; row++)
        for (int64_t column = 0; column < n; column++)
            c[row * c_stride + column] = beta == 0.0f ? 0.0f : beta * c[row * c_stride + column];
}

/* Which code a product gets, for all of its pieces alike. */
enum route { ROUTE_FEW_ROWS, ROUTE_OWN, ROUTE_BLAS, ROUTE_PAIRS };

static enum route route_of(bool a_transposed, int64_t m, int64_t n, int64_t k)
{
    if (m <= FEW_ROWS && k >= 1 && k <= LARGEST_CALL && !a_transposed)
        return ROUTE_FEW_ROWS;
    bool own = cpu_level() >= CPU_AVX512 || (double)n * (double)k <= LARGEST_OWN;
    return own ? ROUTE_OWN : ROUTE_BLAS;
}

/* A product or a piece of one. */
static void gemm_routed(enum route route, float *c, int64_t c_stride, float beta, float alpha,
                        struct gemm_factor a, struct gemm_factor b, int64_t m, int64_t n, int64_t k)
{
    if (m < 1 || n < 1)
        return;
    if (k < 1)
        scale(c, c_stride, beta, m, n);
    else if (route == ROUTE_PAIRS)
        gemm_vector_pairs(c, c_stride, a, b, m, n, k);
    else if (route == ROUTE_FEW_ROWS)
        gemv_rows(c, c_stride, beta, alpha, &a, &b, m, n, k);
    else if (route == ROUTE_BLAS || !gemm_vector(c, c_stride, beta, alpha, a, b, m, n, k))
        gemm_blas(c, c_stride, beta, alpha, &a, &b, m, n, k);
}

void gemm(float *c, int64_t c_stride, float beta, float alpha, struct gemm_factor a, struct gemm_factor b,
          int64_t m, int64_t n, int64_t k)
{
    gemm_routed(route_of(a.transposed, m, n, k), c, c_stride, beta, alpha, a, b, m, n, k);
}

/* Part `index` of `parts` of a range of n, with boundaries on multiples of PIECE_MULTIPLE. */
static int64_t piece_start(int64_t n, int index, int parts)
{
    int64_t units = divide_up(n, PIECE_MULTIPLE);
    return smaller(n, units * index / parts * PIECE_MULTIPLE);
}

/* How many parts of rows to cut an (m, n) output into for `threads` pieces: the divisor with the smallest
 * piece perimeter, since that is what a piece reads per step along the inner dimension. */
static int row_parts(int64_t m, int64_t n, int threads)
{
    int best = 1;
    double least = -1.0;
    for (int parts = 1; parts <= threads; parts++) {
        if (threads % parts != 0)
            continue;
        double perimeter = (double)m / parts + (double)n / (threads / parts);
        if (least < 0.0 || perimeter < least) {
            least = perimeter;
            best = parts;
        }
    }
    return best;
}

/* Before its product, a piece of the output is filled with the bias, where there is one. */
static void fill_rows(float *y, int64_t stride, const float *bias, int64_t rows, int64_t columns)
{
    for (int64_t row = 0; row < rows; row++)
        memcpy(y + row * stride, bias, (size_t)columns * sizeof *y);
}

/* One of `parts` x `across` pieces of the output. */
static void gemm_piece(enum route route, float *c, float beta, const float *bias, struct gemm_factor a,
                       struct gemm_factor b, int64_t m, int64_t n, int64_t k, int parts, int across,
                       int piece)
{
    int down = piece / across;
    int64_t row = piece_start(m, down, parts), rows = piece_start(m, down + 1, parts) - row;
    int64_t column = piece_start(n, piece % across, across);
    int64_t columns = piece_start(n, piece % across + 1, across) - column;
    if (rows == 0 || columns == 0)
        return;
    a.values = factor_at(&a, row, 0);
    b.values = factor_at(&b, 0, column);
    float *corner = c + row * n + column;
    if (bias != NULL)
        fill_rows(corner, n, bias + column, rows, columns);
    gemm_routed(route, corner, n, bias != NULL ? 1.0f : beta, 1.0f, a, b, rows, columns, k);
}

/* A region of one thread would cost more than a small product. */
static void gemm_pieces(enum route route, float *c, float beta, const float *bias, struct gemm_factor a,
                        struct gemm_factor b, int64_t m, int64_t n, int64_t k)
{
    double shares = (double)m * (double)n * (double)k / SMALLEST_SHARE;
    int threads = shares < threads_count() ? (shares > 1.0 ? (int)shares : 1) : threads_count();
    int parts = row_parts(m, n, threads), across = threads / parts;
    if (threads == 1) {
        gemm_piece(route, c, beta, bias, a, b, m, n, k, 1, 1, 0);
        return;
    }
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int piece = 0; piece < threads; piece++)
        gemm_piece(route, c, beta, bias, a, b, m, n, k, parts, across, piece);
}

void gemm_threads(float *c, float beta, const float *bias, struct gemm_factor a, struct gemm_factor b,
                  int64_t m, int64_t n, int64_t k)
{
    gemm_pieces(route_of(a.transposed, m, n, k), c, beta, bias, a, b, m, n, k);
}

void gemm_threads_pairs(float *c, struct gemm_factor a, struct gemm_factor b, int64_t m, int64_t n, int64_t k)
{
    gemm_pieces(ROUTE_PAIRS, c, 1.0f, NULL, a, b, m, n, k);
}
