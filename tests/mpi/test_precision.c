/* Ranks of unlike processors, played by limits of the instruction sets: all use what the weakest has. */
#include "check.h"

#include "llmpi/train/precision.h"

#include <string.h>

static void check_agreement(struct comm *comm, enum train_precision wanted, enum element element)
{
    struct config config = {.train = {.precision = wanted}};
    struct precision agreed;
    enum cpu_level weakest = cpu_level();
    int64_t least = -(int64_t)weakest;
    comm_max_int64(comm, &least, 1);
    precision_agree(&config, comm, &agreed);
    CHECK(comm, agreed.level == (enum cpu_level) - least && cpu_level() == agreed.level, "level %d, not %lld",
          (int)agreed.level, (long long)-least);
    CHECK(comm, agreed.element == element, "%s is chosen", precision_name(agreed.element));
    CHECK(comm, strlen(agreed.products) > 0, "products have no name");
}

int main(void)
{
    struct comm *comm;
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    struct config automatic = {.train = {.precision = PRECISION_AUTO}};
    check_agreement(comm, PRECISION_AUTO, cpu_level() == CPU_AMX ? ELEMENT_BF16 : ELEMENT_FP32);
    check_agreement(comm, PRECISION_FP32, ELEMENT_FP32);
    if (comm_rank(comm) == comm_size(comm) - 1)
        cpu_limit(CPU_AVX512);
    CHECK(comm, comm_rank(comm) < comm_size(comm) - 1 || precision_choose(&automatic) == ELEMENT_FP32,
          "bf16 is chosen without AMX");
    check_agreement(comm, PRECISION_AUTO, ELEMENT_FP32); /* also on ranks with AMX */
    check_agreement(comm, PRECISION_BF16, ELEMENT_BF16); /* what is asked for stays */
    if (comm_rank(comm) == 0)
        cpu_limit(CPU_PLAIN);
    check_agreement(comm, PRECISION_AUTO, ELEMENT_FP32);
    CHECK(comm, cpu_level() == CPU_PLAIN, "level %s", cpu_level_name(cpu_level()));
    comm_end(comm);
    return 0;
}
