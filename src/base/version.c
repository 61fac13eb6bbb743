/* CMake passes the number in, and writes the header with the commit into the build folder. */
#include "llmpi/base/version.h"

#include "commit.h"

const char *version_number(void)
{
    return LLMPI_VERSION;
}

const char *version_commit(void)
{
    return LLMPI_COMMIT;
}

const char *version_compiler(void)
{
#ifdef __clang__
    return __VERSION__;
#else
    return "gcc " __VERSION__;
#endif
}
