/* `llmpi corpus NAME ...`: finds the subcommand. */
#include "corpus_commands.h"
#include "llmpi/base/buffer.h"
#include "llmpi/programs/programs.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum status (*run)(int count, char **arguments);
    const char *usage;
} commands[] = {
    {"generate", corpus_generate, "--output=FILE [--questions=FILE] [--documents=N] [--seed=S] [--json]"},
    {"stats", corpus_stats, "INPUT... [--tokenizer=TOKENIZER] [--words=N] [--skip-errors] [--json]"},
    {"clean", corpus_clean, "CONFIG [--section.key=value]"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(void)
{
    for (int i = 0; i < COMMANDS; i++)
        printf("%s llmpi corpus %s %s\n", i == 0 ? "usage:" : "      ", commands[i].name, commands[i].usage);
    printf("\n`llmpi corpus NAME --help` says more.\n");
}

static enum status fail_unknown(const char *name)
{
    struct buffer known = {0};
    enum status status = STATUS_OK;
    for (int i = 0; i < COMMANDS && status == STATUS_OK; i++)
        status = buffer_printf(&known, "%s'%s'",
                               i == 0             ? ""
                               : i + 1 < COMMANDS ? ", "
                                                  : " or ",
                               commands[i].name);
    if (status == STATUS_OK)
        status = fail(STATUS_USAGE, "llmpi corpus needs %s%s%.100s", known.data, name != NULL ? ", not " : "",
                      name != NULL ? name : "");
    buffer_free(&known);
    return status;
}

enum status program_corpus(int count, char **arguments)
{
    const char *name = count > 0 ? arguments[0] : NULL;
    if (name != NULL && (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)) {
        print_usage();
        return STATUS_OK;
    }
    for (int i = 0; i < COMMANDS && name != NULL; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(count - 1, arguments + 1);
    return fail_unknown(name);
}
