/* `llmpi shard CONFIG`: from text to token shards. */
#include "llmpi/prepare/sharding.h"
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/programs/tokenizer_source.h"

enum status program_shard(int count, char **arguments)
{
    static const struct flag flags[] = {
        {"--fresh", NULL, "Write all shards again, also those that an earlier run completed"}};
    static const struct command command = {
        .name = "shard",
        .positionals = "CONFIG",
        .minimum = 1,
        .maximum = 1,
        .help = "Turns the corpus into token shards in shards.directory, with the tokenizer of "
                "tokenizer.path. The files are the same for any number of ranks. A run that was killed or "
                "stopped continues",
        .flags = flags,
        .flag_count = sizeof flags / sizeof *flags,
        .configuration = true,
        .stops = true,
    };
    struct program program;
    struct tokenizer *tokenizer = NULL;
    enum status status = program_begin(&command, count, arguments, &program);
    if (status == STATUS_OK && !program.finished)
        status = tokenizer_source_share(program.config.tokenizer.path, program.comm, &tokenizer);
    if (tokenizer != NULL)
        status = sharding_run(&program.config, arguments_has(&program.arguments, "--fresh"), tokenizer,
                              program.comm);
    tokenizer_destroy(tokenizer);
    return program_end(&program, status);
}
