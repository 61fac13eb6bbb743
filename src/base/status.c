/* One message per thread: the innermost failure explains itself, callers only pass the code on. */
#include "llmpi/base/status.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char message[4096];

enum status fail(enum status code, const char *format, ...)
{
    char text[sizeof message]; /* the arguments may point into the old message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(message, sizeof message, "%s", text);
    return code;
}

const char *status_message(void)
{
    return message;
}
