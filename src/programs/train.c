/* `llmpi train CONFIG`. */
#include "llmpi/programs/arguments.h"
#include "llmpi/programs/programs.h"
#include "llmpi/programs/tokenizer_source.h"
#include "llmpi/train/trainer.h"

static const struct flag flags[] = {
    {"--fresh", NULL, "Start over: remove the checkpoints of the run directory first"}};

static const struct command command = {
    .name = "train",
    .positionals = "CONFIG",
    .minimum = 1,
    .maximum = 1,
    .help = "Trains, or continues from the newest checkpoint, until train.steps are done. SIGTERM, SIGUSR1, "
            "SIGHUP, Ctrl-C, run.max_seconds, the end of the job (run.stop_margin) and a file named stop in "
            "run.directory stop it in the middle of a step, with everything saved and exit status 75",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .configuration = true,
    .stops = true};

enum status program_train(int count, char **arguments)
{
    struct program program;
    struct tokenizer *tokenizer = NULL;
    enum status status = program_begin(&command, count, arguments, &program);
    if (status == STATUS_OK && !program.finished)
        status = tokenizer_source_share(program.config.tokenizer.path, program.comm, &tokenizer);
    program.config.finetune.lora_rank = 0; /* adapters are for tuning */
    if (tokenizer != NULL)
        status = trainer_run(&program.config, NULL, arguments_has(&program.arguments, "--fresh"), tokenizer,
                             program.comm);
    return program_end(&program, status);
}
