/* The terminal's own line editing does. SIGINT becomes a byte in a pipe, which is waited for together with
 * the input: so it is missed neither just before waiting nor when another thread takes the signal. */
#include "chat_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int interrupts[2] = {-1, -1}; /* the ends of the pipe */

static void note(int signal)
{
    int error = errno;
    ssize_t ignored = write(interrupts[1], "", 1); /* a full pipe says enough */
    (void)signal;
    (void)ignored;
    errno = error;
}

enum status chat_input_begin(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (pipe2(interrupts, O_NONBLOCK | O_CLOEXEC) != 0 || sigaction(SIGINT, &action, NULL) != 0)
        return fail(STATUS_FAILED, "cannot listen for Ctrl-C: %s", strerror(errno));
    return STATUS_OK;
}

bool chat_input_interrupted(void)
{
    char bytes[16];
    bool any = false;
    while (read(interrupts[0], bytes, sizeof bytes) > 0)
        any = true;
    return any;
}

bool chat_input_is_terminal(void)
{
    return isatty(STDIN_FILENO) == 1;
}

/* Adds what has come to `pending`, once something has; *more is false at the end and after Ctrl-C. */
static enum status read_some(struct buffer *pending, bool *more)
{
    struct pollfd sources[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = interrupts[0], .events = POLLIN}};
    while (poll(sources, 2, -1) < 0)
        if (errno != EINTR)
            return fail(STATUS_FAILED, "cannot wait for standard input: %s", strerror(errno));
    *more = !chat_input_interrupted();
    if (!*more) {
        pending->length = 0;
        return STATUS_OK;
    }
    TRY(buffer_reserve(pending, 4096));
    ssize_t length = read(STDIN_FILENO, pending->data + pending->length, 4096);
    if (length < 0)
        return fail(STATUS_FAILED, "cannot read standard input: %s", strerror(errno));
    pending->length += (size_t)length;
    *more = length > 0;
    return STATUS_OK;
}

/* Appends a line to `out`, without its end, and takes it out of `pending`. A last one may have no end. */
static enum status read_line(const char *prompt, struct buffer *pending, struct buffer *out, bool *more)
{
    const char *newline;
    if (chat_input_is_terminal()) {
        fputs(prompt, stdout);
        fflush(stdout);
    }
    *more = true;
    while ((newline = pending->length > 0 ? memchr(pending->data, '\n', pending->length) : NULL) == NULL &&
           *more)
        TRY(read_some(pending, more));
    size_t length = newline != NULL ? (size_t)(newline - pending->data) : pending->length;
    size_t taken = length + (newline != NULL);
    *more = taken > 0;
    if (!*more)
        return STATUS_OK;
    TRY(buffer_append(out, pending->data, length));
    memmove(pending->data, pending->data + taken, pending->length - taken);
    pending->length -= taken;
    return STATUS_OK;
}

enum status chat_input_read(const char *prompt, struct buffer *pending, struct buffer *out, bool *more)
{
    buffer_clear(out);
    TRY(read_line(prompt, pending, out, more));
    while (*more && out->length > 0 && out->data[out->length - 1] == '\\') {
        out->data[out->length - 1] = '\n';
        TRY(read_line("... ", pending, out, more));
    }
    return STATUS_OK;
}
