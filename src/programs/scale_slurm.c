/* Slurm: a script for each number of ranks, which makes the measurements that are not there and may be
 * submitted by hand or by --submit. A job is known by its number, so that asking again does not queue it
 * again. */
#include "scale.h"

#include "shell_words.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- scripts --- */

static enum status append_head(const struct scale *scale, int64_t ranks, struct buffer *out)
{
    const char *options = arguments_get(scale->arguments, "--sbatch");
    TRY(shell_check_sbatch(scale->folder));
    if (options != NULL && strchr(options, '\n') != NULL)
        return fail(STATUS_USAGE, "--sbatch must be one line");
    TRY(buffer_printf(out,
                      "#!/bin/bash\n"
                      "#SBATCH --job-name=llmpi-scale-%" PRId64 "\n#SBATCH --ntasks=%" PRId64 "\n"
                      "#SBATCH --output=\"%s/ranks-%" PRId64 ".log\"\n",
                      ranks, ranks, scale->folder, ranks));
    TRY(shell_sbatch_folder(out));
    return options != NULL ? buffer_printf(out, "#SBATCH %s\n", options) : STATUS_OK;
}

/* A report has its name only when it is complete. */
static enum status append_round(const struct scale *scale, int64_t ranks, int64_t round, struct buffer *out)
{
    struct buffer name = {0}, new_name = {0};
    char *path = scale_path(scale, ranks, round, "json");
    enum status status = path != NULL ? shell_quote(&name, path) : STATUS_FAILED;
    if (status == STATUS_OK)
        status = buffer_printf(&new_name, "%s.new", name.data);
    if (status == STATUS_OK)
        status = buffer_printf(out, "[ -e %s ] || { srun --mpi=pmix ", name.data);
    if (status == STATUS_OK)
        status = scale_command(scale, ranks, out);
    if (status == STATUS_OK)
        status = buffer_printf(out, " >%s && mv %s %s; } || exit\n", new_name.data, new_name.data, name.data);
    buffer_free(&new_name);
    buffer_free(&name);
    free(path);
    return status;
}

static enum status write_script(const struct scale *scale, int64_t ranks, const char *path)
{
    struct buffer text = {0};
    enum status status = append_head(scale, ranks, &text);
    for (int64_t round = 1; round <= scale->rounds && status == STATUS_OK; round++)
        status = append_round(scale, ranks, round, &text);
    if (status == STATUS_OK)
        status = file_write(path, text.data, text.length);
    buffer_free(&text);
    return status;
}

/* --- jobs --- */

/* Runs `command` with the quoted `argument`; the first word that it prints, NULL where it fails. */
static enum status ask(const char *command, const char *argument, char word[32], int *code)
{
    struct buffer line = {0}, output = {0};
    enum status status = buffer_printf(&line, "%s ", command);
    if (status == STATUS_OK)
        status = shell_quote(&line, argument);
    if (status == STATUS_OK)
        status = scale_shell(line.data, NULL, &output, code);
    if (status == STATUS_OK)
        snprintf(word, 32, "%.*s", (int)strcspn(output.data, ";\n "), output.data);
    buffer_free(&output);
    buffer_free(&line);
    return status;
}

/* The state of the job whose number is in the file, "" where it is neither waiting nor running. */
static enum status job_state(const char *path, char state[32])
{
    struct buffer number = {0};
    int code = 0;
    state[0] = '\0';
    if (!file_exists(path))
        return STATUS_OK;
    enum status status = file_read(path, &number);
    if (status == STATUS_OK && number.length > 0)
        status = ask("squeue --noheader --format=%T --jobs 2>/dev/null", number.data, state, &code);
    buffer_free(&number);
    if (code != 0)
        state[0] = '\0';
    return status;
}

static enum status submit_job(const char *script, const char *job, int64_t ranks)
{
    char number[32];
    int code = 0;
    TRY(ask("sbatch --parsable", script, number, &code));
    if (code != 0 || number[0] == '\0')
        return fail(STATUS_FAILED, "sbatch did not accept %s (exit status %d)", script, code);
    TRY(file_write(job, number, strlen(number)));
    log_info("%" PRId64 " rank%s: job %s is submitted", ranks, ranks == 1 ? "" : "s", number);
    return STATUS_OK;
}

static enum status queue(const struct scale *scale, int64_t ranks, bool submit)
{
    char *script = scale_path(scale, ranks, 0, "sbatch"), *job = scale_path(scale, ranks, 0, "job");
    char state[32];
    enum status status = script != NULL && job != NULL ? job_state(job, state) : STATUS_FAILED;
    if (status == STATUS_OK && state[0] != '\0') {
        log_info("%" PRId64 " rank%s: the job is %s", ranks, ranks == 1 ? "" : "s", state);
    } else if (status == STATUS_OK) {
        status = write_script(scale, ranks, script);
        if (status == STATUS_OK && submit)
            status = submit_job(script, job, ranks);
        else if (status == STATUS_OK)
            log_info("%" PRId64 " rank%s: `sbatch %s` measures, or --submit", ranks, ranks == 1 ? "" : "s",
                     script);
    }
    free(job);
    free(script);
    return status;
}

enum status scale_slurm(const struct scale *scale, bool submit)
{
    for (int64_t i = 0; i < scale->rank_count; i++) {
        bool measured = true;
        for (int64_t round = 1; round <= scale->rounds && measured; round++)
            TRY(scale_is_measured(scale, scale->ranks[i], round, &measured));
        if (!measured)
            TRY(queue(scale, scale->ranks[i], submit));
    }
    return STATUS_OK;
}
