/* Ranks of unlike processors, played by limits of the instruction sets: all use what the weakest has. */
#include "check.h"

#include "llmpi/train/precision.h"

#include <string.h>

static struct precision check_level(struct comm *comm, enum train_precision wanted)
{
    struct config config = {.train = {.precision = wanted}};
    struct precision agreed = {0};
    enum cpu_level weakest = cpu_level();
    int64_t least = -(int64_t)weakest;
    comm_max_int64(comm, &least, 1);
    CHECK(comm, precision_agree(&config, comm, &agreed) == STATUS_OK, "%s", status_message());
    CHECK(comm, agreed.level == (enum cpu_level) - least && cpu_level() == agreed.level, "level %d, not %lld",
          (int)agreed.level, (long long)-least);
    CHECK(comm, strlen(agreed.products) > 0, "products have no name");
    return agreed;
}

static void check_agreement(struct comm *comm, enum train_precision wanted, enum element element)
{
    struct precision agreed = check_level(comm, wanted);
    CHECK(comm, agreed.element == element, "%s is chosen", precision_name(agreed.element));
}

/* What is measured is the same for all ranks, and asked again it is what was remembered or is as clear. */
static void check_measured(struct comm *comm)
{
    struct precision agreed = check_level(comm, PRECISION_AUTO);
    int64_t bounds[2] = {agreed.element, -(int64_t)agreed.element};
    comm_max_int64(comm, bounds, 2);
    CHECK(comm, bounds[0] == -bounds[1], "ranks differ: %s here", precision_name(agreed.element));
    check_agreement(comm, PRECISION_AUTO, agreed.element);
}

int main(void)
{
    struct comm *comm;
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    if (cpu_level() == CPU_AVX512_BF16)
        check_measured(comm);
    else
        check_agreement(comm, PRECISION_AUTO, cpu_level() == CPU_AMX ? ELEMENT_BF16 : ELEMENT_FP32);
    check_agreement(comm, PRECISION_FP32, ELEMENT_FP32);
    if (comm_rank(comm) == comm_size(comm) - 1)
        cpu_limit(CPU_AVX512);
    check_agreement(comm, PRECISION_AUTO, ELEMENT_FP32); /* also on ranks with instructions for bf16 */
    check_agreement(comm, PRECISION_BF16, ELEMENT_BF16); /* what is asked for stays */
    if (comm_rank(comm) == 0)
        cpu_limit(CPU_PLAIN);
    check_agreement(comm, PRECISION_AUTO, ELEMENT_FP32);
    CHECK(comm, cpu_level() == CPU_PLAIN, "level %s", cpu_level_name(cpu_level()));
    comm_end(comm);
    return 0;
}
