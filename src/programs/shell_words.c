/* Quoting for shells and job scripts. */
#include "shell_words.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum status shell_quote(struct buffer *out, const char *text)
{
    TRY(buffer_append(out, "'", 1));
    for (; *text != '\0'; text++)
        TRY(*text == '\'' ? buffer_append(out, "'\\''", 4) : buffer_append(out, text, 1));
    return buffer_append(out, "'", 1);
}

enum status shell_quote_program(struct buffer *out)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return fail(STATUS_FAILED, "cannot read /proc/self/exe: %s", strerror(errno));
    path[length] = '\0';
    return shell_quote(out, path);
}

enum status shell_check_sbatch(const char *name)
{
    if (strpbrk(name, "\"\\\n%") != NULL)
        return fail(STATUS_USAGE,
                    "Slurm scripts cannot be written for a name with quotes, backslashes, line ends or per "
                    "cent signs: %.200s",
                    name);
    return STATUS_OK;
}

enum status shell_sbatch_folder(struct buffer *out)
{
    char folder[PATH_MAX];
    if (getcwd(folder, sizeof folder) == NULL)
        return fail(STATUS_FAILED, "cannot find the current folder: %s", strerror(errno));
    TRY(shell_check_sbatch(folder));
    return buffer_printf(out, "#SBATCH --chdir=\"%s\"\n", folder);
}
