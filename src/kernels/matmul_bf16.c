/* The table of providers of bf16 products and the choice among them. The choice is made anew at each call
 * from what can change: the instruction sets in use, the limit that ranks agreed on, the environment. */
#include "llmpi/kernels/matmul_bf16.h"

#include "matmul_provider.h"

#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#define TILES &matmul_tiles
#else
#define TILES NULL
#endif
#ifdef LLMPI_HAVE_ONEDNN
#define ONEDNN &matmul_onednn
#else
#define ONEDNN NULL
#endif

/* Tiles come twice, since without AMX oneDNN is faster where a build has it. */
static const struct {
    const char *name;
    enum cpu_level from;
    const struct matmul_provider *provider; /* NULL: not in this build */
} table[] = {{"tiles", CPU_AMX, TILES},
             {"onednn", CPU_PLAIN, ONEDNN},
             {"tiles", CPU_PLAIN, TILES},
             {"plain", CPU_PLAIN, &matmul_plain}};

enum { PROVIDERS = sizeof table / sizeof *table };

static int first_allowed; /* place in the table */

static bool usable(int index)
{
    return table[index].provider != NULL && table[index].from <= cpu_level() &&
           table[index].provider->needs <= cpu_level();
}

static const char *wanted_name(void)
{
    const char *name = getenv("LLMPI_MATMUL");
    return name != NULL && *name != '\0' ? name : NULL;
}

/* The place that LLMPI_MATMUL names, a usable one where it can be; -1: none. */
static int wanted(void)
{
    const char *name = wanted_name();
    int place = -1;
    for (int index = 0; name != NULL && index < PROVIDERS; index++)
        if (strcmp(name, table[index].name) == 0 && (place < 0 || !usable(place)))
            place = index;
    return place;
}

/* The last row is usable everywhere. */
int matmul_bf16_index(void)
{
    int index = wanted() > first_allowed ? wanted() : first_allowed;
    while (index < PROVIDERS - 1 && !usable(index))
        index++;
    return index;
}

void matmul_bf16_limit(int index)
{
    if (index > first_allowed && index < PROVIDERS)
        first_allowed = index;
}

const struct matmul_provider *matmul_provider_choose(void)
{
    return table[matmul_bf16_index()].provider;
}

const struct matmul_provider *matmul_provider_at(int index)
{
    return index >= 0 && index < PROVIDERS && usable(index) ? table[index].provider : NULL;
}

int matmul_provider_count(void)
{
    return PROVIDERS;
}

const char *matmul_bf16_name(void)
{
    return table[matmul_bf16_index()].name;
}

bool matmul_bf16_native(void)
{
    return matmul_provider_choose() != &matmul_plain;
}

enum status matmul_bf16_check(void)
{
    const char *name = wanted_name();
    int index = wanted();
    if (name == NULL || (index >= 0 && usable(index)))
        return STATUS_OK;
    if (index < 0)
        return fail(STATUS_USAGE, "environment variable LLMPI_MATMUL: '%s'; allowed are tiles, onednn, plain",
                    name);
    if (table[index].provider == NULL)
        return fail(STATUS_USAGE, "environment variable LLMPI_MATMUL: '%s' is not in this build", name);
    return fail(STATUS_USAGE,
                "environment variable LLMPI_MATMUL: '%s' needs the instruction set %s; in use is %s", name,
                cpu_level_name(table[index].provider->needs), cpu_level_name(cpu_level()));
}

const char *matmul_bf16_onednn(void)
{
#ifdef LLMPI_HAVE_ONEDNN
    return matmul_onednn_version();
#else
    return "none";
#endif
}
