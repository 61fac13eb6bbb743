/* `llmpi corpus clean CONFIG`: the rules, and the table of what they did. */
#include "corpus_commands.h"

#include "llmpi/base/log.h"
#include "llmpi/prepare/cleaning.h"
#include "llmpi/programs/arguments.h"

#include <inttypes.h>
#include <stdio.h>

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

/* "seen": documents that came to the rule, which is those that the rules before it kept. */
static void print_table(const struct cleaning_summary *summary, const struct clean_options *options)
{
    int64_t documents = 0, bytes = 0;
    for (int rule = 0; rule < RULES; rule++) {
        documents += summary->documents[rule];
        bytes += summary->bytes[rule];
    }
    int64_t seen = documents;
    printf("%-42s %12s %12s %7s %16s\n", "rule", "seen", "rejected", "share", "bytes");
    for (enum rule rule = RULE_KEPT + 1; rule < RULES; rule++) {
        if (!rule_is_on(rule, options))
            continue;
        int64_t rejected = summary->documents[rule];
        printf("%-42s %12" PRId64 " %12" PRId64 " %6.2f%% %16" PRId64 "\n", rule_name(rule), seen, rejected,
               share(rejected, seen), summary->bytes[rule]);
        seen -= rejected;
    }
    printf("%-42s %12" PRId64 " %12" PRId64 " %6.2f%% %16" PRId64 "\n", "all", documents, documents - seen,
           share(documents - seen, documents), bytes - summary->bytes[RULE_KEPT]);
    printf("%-42s %12" PRId64 " %12s %6.2f%% %16" PRId64 "\n", "kept", seen, "", share(seen, documents),
           summary->bytes[RULE_KEPT]);
}

enum status corpus_clean(int count, char **arguments)
{
    static const struct command command = {
        .name = "corpus clean",
        .positionals = "CONFIG",
        .minimum = 1,
        .maximum = 1,
        .help = "Sorts the documents of the corpus into clean.directory: those that the rules of section "
                "clean keep, and those that one rejects, with the reason. The files are the same for any "
                "number of ranks",
        .configuration = true,
        .stops = true,
    };
    struct program program;
    struct cleaning_summary summary;
    enum status status = program_begin(&command, count, arguments, &program);
    if (status == STATUS_OK && !program.finished) {
        status = cleaning_run(&program.config, program.comm, &summary);
        if (status == STATUS_OK && comm_rank(program.comm) == 0)
            print_table(&summary, &program.config.clean);
    }
    return program_end(&program, status);
}
