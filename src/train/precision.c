/* Agreement in small collectives: the weakest level is the negated maximum of the negated levels. */
#include "llmpi/train/precision.h"

#include "llmpi/base/log.h"
#include "llmpi/kernels/matmul_bf16.h"
#include "llmpi/train/gemm_peak.h"

#include <stdio.h>
#include <unistd.h>

#define LEAST_GAIN 1.25 /* of bf16 products over fp32 ones: less is lost again in the rest of a step */

const char *precision_name(enum element element)
{
    return element == ELEMENT_BF16 ? "bf16" : "fp32";
}

/* Whom the others wait for: the lowest of the weakest ranks, its host, and how many are as weak. */
struct weakest {
    char host[64];
    int64_t rank, count;
};

/* Limits this rank to the weakest's level; true when some rank had a higher one. */
static bool agree_on_level(struct comm *comm, struct weakest *out)
{
    int64_t mine = cpu_level(), bounds[2] = {mine, -mine};
    comm_max_int64(comm, bounds, 2);
    int64_t least = -bounds[1];
    bool weak = mine == least;
    int64_t last = weak ? -comm_rank(comm) : -comm_size(comm);
    comm_max_int64(comm, &last, 1);
    *out = (struct weakest){.rank = -last, .count = weak};
    comm_sum_int64(comm, &out->count, 1);
    gethostname(out->host, sizeof out->host - 1);
    comm_broadcast(comm, out->host, sizeof out->host, (int)out->rank);
    cpu_limit((enum cpu_level)least);
    return bounds[0] != least;
}

static void log_weakest(const struct weakest *weakest, const struct precision *agreed)
{
    char others[40] = "";
    if (weakest->count > 1)
        snprintf(others, sizeof others, " and %lld more", (long long)(weakest->count - 1));
    log_info("rank %lld on host %s%s %s only %s: all ranks use %s, %s", (long long)weakest->rank,
             weakest->host, others, weakest->count > 1 ? "have" : "has", cpu_level_name(agreed->level),
             cpu_level_name(agreed->level), precision_name(agreed->element));
}

/* The latest provider in the order of matmul_bf16.h; twice, since a rank of another build may lack it. */
static void agree_on_products(struct comm *comm)
{
    for (int round = 0; round < 2; round++) {
        int64_t index = matmul_bf16_index();
        comm_max_int64(comm, &index, 1);
        matmul_bf16_limit((int)index);
    }
}

/* Whether `auto` is bf16. Ranks agree on level and products by now, so that all measure, or none. AMX needs
 * no measurement: it multiplies bf16 at over ten times the rate of fp32. AVX512_BF16 alone does so at half of
 * fp32's rate on Intel's Sapphire Rapids, at twice of it on AMD's Zen 5. */
static enum status bf16_pays(struct comm *comm, enum cpu_level level, bool *pays)
{
    const struct precision candidate = {ELEMENT_BF16, level, matmul_bf16_name()};
    double gain = 0;
    *pays = matmul_bf16_native() && level == CPU_AMX;
    if (!matmul_bf16_native() || level == CPU_AMX)
        return STATUS_OK;
    TRY(gemm_peak_gain(&candidate, comm, &gain));
    *pays = gain >= LEAST_GAIN;
    return STATUS_OK;
}

enum status precision_agree(const struct config *config, struct comm *comm, struct precision *out)
{
    struct weakest weakest;
    bool limited = agree_on_level(comm, &weakest), in_bf16 = config->train.precision == PRECISION_BF16;
    agree_on_products(comm);
    if (config->train.precision == PRECISION_AUTO)
        TRY(bf16_pays(comm, cpu_level(), &in_bf16));
    *out = (struct precision){.element = in_bf16 ? ELEMENT_BF16 : ELEMENT_FP32,
                              .level = cpu_level(),
                              .products = in_bf16 ? matmul_bf16_name() : "blas"};
    if (limited)
        log_weakest(&weakest, out);
    return STATUS_OK;
}

void precision_log(const struct precision *precision)
{
    log_info("precision: %s (products: %s), instructions %s", precision_name(precision->element),
             precision->products, cpu_level_name(precision->level));
    if (precision->element == ELEMENT_BF16 && !matmul_bf16_native())
        log_info(
            "hint: products of bf16 numbers are computed in fp32 here; train.precision fp32 would be faster");
}
