/* TEMPORARY: lets the executable link until every command has its file. */
#include "llmpi/comm/comm.h"
#include "llmpi/kernels/threads.h"
#include "llmpi/programs/programs.h"
#include "llmpi/storage/hdf5_file.h"
#define STUB(name)                                                                                           \
    __attribute__((weak)) enum status program_##name(int count, char **arguments)                            \
    {                                                                                                        \
        (void)count;                                                                                         \
        (void)arguments;                                                                                     \
        return fail(STATUS_FAILED, #name " is not built yet");                                               \
    }
STUB(corpus)
STUB(tokenizer) STUB(shard) STUB(plan) STUB(train) STUB(evaluate) STUB(generate) STUB(inspect) STUB(bench)
    STUB(completion) __attribute__((weak)) const char *comm_library(void)
{
    return "";
}
__attribute__((weak)) const char *threads_blas_library(void)
{
    return "";
}
__attribute__((weak)) const char *hdf5_library(void)
{
    return "";
}
