/* One message per thread: the innermost failure explains itself, callers only pass the code on. */
#include "llmpi/base/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static _Thread_local char message[4096];

/* A message is one line and does not talk to the terminal, whatever the file that it quotes: control
 * characters, also those of UTF-8 (U+0080 to U+009F), become question marks. */
static void make_plain(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        bool wide = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        if (*at < ' ' || *at == 0x7f || wide)
            *at = '?';
        if (wide)
            at[1] = '?';
    }
}

enum status fail(enum status code, const char *format, ...)
{
    char text[sizeof message]; /* the arguments may point into the old message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    make_plain(text);
    snprintf(message, sizeof message, "%s", text);
    return code;
}

const char *status_message(void)
{
    return message;
}
