/* Assertions of MPI tests. A check that fails on some rank is told to all of them first (agree before
 * assert): every rank leaves in order with status 1, no rank waits for one that is gone, and the lowest
 * failing rank says what went wrong.
 *
 *     CHECK(comm, sum == 6, "the sum is %d, not 6", sum);
 *
 * CHECK is **Collective**: all ranks reach it in the same order. */
#ifndef LLMPI_TESTS_MPI_CHECK_H
#define LLMPI_TESTS_MPI_CHECK_H

#include "llmpi/base/log.h"
#include "llmpi/comm/comm.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(comm, condition, ...)                                                                          \
    check_agree((comm), (condition) ? STATUS_OK : fail(STATUS_FAILED, __VA_ARGS__), __FILE__, __LINE__)

/* Passes when every rank's `status` is STATUS_OK. */
static inline void check_agree(struct comm *comm, enum status status, const char *file, int line)
{
    if (comm_agree(comm, status) == STATUS_OK)
        return;
    if (comm_rank(comm) == 0)
        fprintf(stderr, "%s:%d: %s\n", file, line, status_message());
    comm_end(comm);
    exit(1);
}

#endif
