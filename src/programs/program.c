/* The common start of programs with ranks, most of them with a CONFIG. Rank 0 alone reads the file; the ranks
 * parse the same text, so they fail alike, and the message is printed once. */
#include "llmpi/programs/arguments.h"

#include "llmpi/base/buffer.h"
#include "llmpi/base/digest.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/base/stopping.h"
#include "llmpi/train/inference.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static enum status print_config(const struct config *config)
{
    struct buffer text = {0};
    enum status status = config_write(config, true, &text);
    if (status == STATUS_OK)
        fputs(text.data, stdout);
    buffer_free(&text);
    return status;
}

/* Rank 0 reads; its success or failure is everybody's. */
static enum status read_for_all(struct comm *comm, const char *path, bool checkpoint, struct buffer *text)
{
    enum status status = STATUS_OK;
    if (comm_rank(comm) == 0)
        status = checkpoint ? inference_read_config(path, text) : config_read(path, text);
    comm_broadcast(comm, &status, sizeof status, 0);
    TRY(comm_agree(comm, status));
    return comm_broadcast_buffer(comm, text, 0);
}

static enum status load(struct program *program, const struct command *command)
{
    struct buffer text = {0};
    const char *path = program->arguments.positionals.items[0];
    bool checkpoint = command->checkpoint && inference_is_checkpoint(path);
    enum status status = read_for_all(program->comm, path, checkpoint, &text);
    if (status == STATUS_OK)
        status = comm_agree(program->comm, config_parse(&program->config, text.data, text.length, path,
                                                        &program->arguments.overrides));
    buffer_free(&text);
    return status;
}

/* What a rank was told to do, with the ends of the arguments. */
static enum status line_digest(const struct command *command, int count, char **arguments, uint64_t *digest)
{
    struct buffer line = {0};
    enum status status = buffer_append(&line, command->name, strlen(command->name) + 1);
    for (int i = 0; i < count && status == STATUS_OK; i++)
        status = buffer_append(&line, arguments[i], strlen(arguments[i]) + 1);
    if (status == STATUS_OK)
        *digest = digest_bytes(line.data, line.length);
    buffer_free(&line);
    return status;
}

/* Ranks that were told different things (`mpirun A : B`, a script that asks for its rank) would wait for each
 * other for ever. **Collective** */
static enum status agree_on_line(const struct command *command, int count, char **arguments,
                                 struct comm *comm)
{
    uint64_t mine = 0, *all = memory_allocate(comm_size(comm), sizeof *all, "command lines");
    enum status status = all == NULL ? STATUS_FAILED : line_digest(command, count, arguments, &mine);
    status = comm_agree(comm, status);
    if (status == STATUS_OK)
        comm_gather(comm, &mine, sizeof mine, all);
    for (int rank = 1; rank < comm_size(comm) && status == STATUS_OK; rank++)
        if (all[rank] != all[0])
            status = fail(
                STATUS_USAGE,
                "rank %d was started with another command line than rank 0: all ranks need the same", rank);
    memory_free(all);
    return status;
}

enum status program_begin(const struct command *command, int count, char **arguments, struct program *out)
{
    *out = (struct program){0};
    if (arguments_want_help(count, arguments)) { /* also where ranks cannot start */
        out->finished = true;
        return arguments_parse(command, count, arguments, &out->arguments);
    }
    if (command->stops)
        stopping_begin();
    if (command->alone) {
        out->comm = comm_alone();
        if (out->comm == NULL)
            return STATUS_FAILED;
    } else {
        TRY(comm_begin(&out->comm));
    }
    TRY(comm_agree(out->comm, arguments_parse(command, count, arguments, &out->arguments)));
    TRY(agree_on_line(command, count, arguments, out->comm));
    if (!command->configuration)
        return STATUS_OK;
    TRY(load(out, command));
    bool root = comm_rank(out->comm) == 0;
    out->finished = arguments_has(&out->arguments, "--print-config");
    if (out->finished)
        return comm_agree(out->comm, root ? print_config(&out->config) : STATUS_OK);
    if (command->stops && root)
        stopping_set_limits(out->config.run.max_seconds, out->config.run.stop_margin);
    return STATUS_OK;
}

enum status program_report(enum status status)
{
    static bool reported = false;
    if (fflush(stdout) != 0 && (status == STATUS_OK || status == STATUS_STOPPED))
        status = fail(STATUS_FAILED, "cannot write to standard output: %s", strerror(errno));
    if (status == STATUS_STOPPED && !reported)
        log_info("%s", status_message());
    else if (status != STATUS_OK && !reported)
        log_error("%s", status_message());
    reported = status != STATUS_OK;
    return status;
}

enum status program_end(struct program *program, enum status status)
{
    status = program_report(status);
    arguments_free(&program->arguments);
    config_free(&program->config);
    comm_end(program->comm);
    return status;
}
