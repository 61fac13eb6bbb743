/* Starting `bench step` under a launcher. The user's own words (the value of --mpirun) are for a shell, which
 * splits them as they would be split on a command line; what we add is quoted. */
#include "scale.h"

#include "shell_words.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum status scale_command(const struct scale *scale, int64_t ranks, struct buffer *out)
{
    int64_t sequences = scale->config->train.batch_size * (scale->strong ? 1 : ranks); /* both are bounded */
    char *path = path_join(scale->folder, "config.yaml");
    enum status status = path != NULL ? shell_quote_program(out) : STATUS_FAILED;
    if (status == STATUS_OK)
        status = buffer_printf(out, " bench step ");
    if (status == STATUS_OK)
        status = shell_quote(out, path);
    if (status == STATUS_OK)
        status = buffer_printf(out, " --train.batch_size=%" PRId64 " --steps=%" PRId64 " --steps-only --json",
                               sequences, scale->steps);
    free(path);
    return status;
}

/* --- a child --- */

/* In the child: standard input from nowhere, output to `out`, messages to `log`; then the shell. */
static void become_shell(const char *command, const char *log, int out)
{
    int in = open("/dev/null", O_RDONLY);
    int messages = log != NULL ? open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : STDERR_FILENO;
    if (in >= 0 && messages >= 0 && dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
        dup2(messages, STDERR_FILENO) >= 0)
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static enum status read_all(int descriptor, struct buffer *out)
{
    for (;;) {
        TRY(buffer_reserve(out, 4096));
        ssize_t got = read(descriptor, out->data + out->length, 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(STATUS_FAILED, "cannot read what a program prints: %s", strerror(errno));
        out->length += (size_t)got;
        out->data[out->length] = '\0';
        if (got == 0)
            return STATUS_OK;
    }
}

enum status scale_shell(const char *command, const char *log, struct buffer *out, int *code)
{
    int ends[2], state = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(STATUS_FAILED, "cannot make a pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        become_shell(command, log, ends[1]);
    close(ends[1]);
    enum status status = child > 0 ? read_all(ends[0], out)
                                   : fail(STATUS_FAILED, "cannot start a program: %s", strerror(errno));
    close(ends[0]);
    while (child > 0 && waitpid(child, &state, 0) < 0 && errno == EINTR)
        ;
    *code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    return status;
}

/* --- mpirun --- */

/* What went wrong is in the log: the launcher's words, or the program's. */
static enum status fail_measurement(const char *command, const char *log, int code)
{
    struct buffer text = {0};
    if (file_read(log, &text) == STATUS_OK && text.length > 0)
        fputs(text.data, stderr);
    buffer_free(&text);
    return fail(STATUS_FAILED, "exit status %d of `%s`; what it said stands above and in %s", code, command,
                log);
}

/* The report becomes a file only where it is one. */
static enum status keep_report(const struct buffer *report, const char *path)
{
    char text[16];
    struct measurement row;
    TRY(scale_parse(report, path, &row));
    TRY(file_write(path, report->data, report->length));
    log_info("%" PRId64 " rank%s on %" PRId64 " node%s: %s tokens/s", row.ranks, row.ranks == 1 ? "" : "s",
             row.nodes, row.nodes == 1 ? "" : "s", log_count(text, row.tokens_per_second));
    return STATUS_OK;
}

static enum status run_one(const struct scale *scale, int64_t ranks, int64_t round)
{
    const char *launcher = arguments_get(scale->arguments, "--mpirun");
    struct buffer line = {0}, report = {0};
    char *path = scale_path(scale, ranks, round, "json"), *log = scale_path(scale, ranks, round, "log");
    int code = 0;
    enum status status = path != NULL && log != NULL ? STATUS_OK : STATUS_FAILED;
    if (status == STATUS_OK)
        status = buffer_printf(&line, "%s -np %" PRId64 " ", launcher != NULL ? launcher : "mpirun", ranks);
    if (status == STATUS_OK)
        status = scale_command(scale, ranks, &line);
    if (status == STATUS_OK)
        status = scale_shell(line.data, log, &report, &code);
    if (status == STATUS_OK)
        status = code == 0 ? keep_report(&report, path) : fail_measurement(line.data, log, code);
    buffer_free(&report);
    buffer_free(&line);
    free(log);
    free(path);
    return status;
}

enum status scale_run(const struct scale *scale)
{
    for (int64_t round = 1; round <= scale->rounds; round++) {
        for (int64_t i = 0; i < scale->rank_count; i++) {
            bool measured = false;
            TRY(scale_is_measured(scale, scale->ranks[i], round, &measured));
            if (!measured)
                TRY(run_one(scale, scale->ranks[i], round));
        }
    }
    return STATUS_OK;
}
