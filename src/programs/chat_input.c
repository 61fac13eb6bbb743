/* The terminal's own line editing does. */
#include "chat_input.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void mark(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* Without SA_RESTART, so that reading ends. */
void chat_input_begin(void)
{
    struct sigaction action = {.sa_handler = mark};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

bool chat_input_interrupted(void)
{
    bool was = interrupted != 0;
    interrupted = 0;
    return was;
}

bool chat_input_is_terminal(void)
{
    return isatty(STDIN_FILENO) == 1;
}

static enum status read_line(const char *prompt, struct buffer *out, bool *more)
{
    char *line = NULL;
    size_t capacity = 0;
    if (chat_input_is_terminal()) {
        fputs(prompt, stdout);
        fflush(stdout);
    }
    errno = 0;
    ssize_t length = getline(&line, &capacity, stdin);
    int error = errno;
    *more = length >= 0 && !interrupted;
    enum status status = STATUS_OK;
    if (length < 0 && error != 0 && error != EINTR)
        status = fail(STATUS_FAILED, "cannot read standard input: %s", strerror(error));
    if (status == STATUS_OK && *more)
        status = buffer_append(out, line, (size_t)length - (line[length - 1] == '\n'));
    free(line);
    return status;
}

enum status chat_input_read(const char *prompt, struct buffer *out, bool *more)
{
    buffer_clear(out);
    TRY(read_line(prompt, out, more));
    while (*more && out->length > 0 && out->data[out->length - 1] == '\\') {
        out->data[out->length - 1] = '\n';
        TRY(read_line("... ", out, more));
    }
    return STATUS_OK;
}
