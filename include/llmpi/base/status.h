/* Status codes and the one error message that goes with a failure.
 *
 * A function that can fail returns an enum status. The one that finds the problem calls fail() with a
 * sentence that says what, where, the value found and the value allowed; everyone above passes the status up
 * with TRY (or `goto cleanup` where something must be released) and adds nothing. main() prints the message
 * once. Library code never calls exit() or abort(). */
#ifndef LLMPI_BASE_STATUS_H
#define LLMPI_BASE_STATUS_H

/* The values are the exit status of the process. */
enum status {
    STATUS_OK = 0,      /* done */
    STATUS_FAILED = 1,  /* something went wrong: the message says what */
    STATUS_USAGE = 2,   /* wrong command line or configuration */
    STATUS_STOPPED = 75 /* stopped early on request with everything saved (EX_TEMPFAIL of sysexits.h) */
};

/* Keeps the formatted message for this thread, replacing an older one, and returns `code`, so that a function
 * can end with `return fail(...)`. No newline at the end. Messages longer than 4095 bytes are cut, and
 * control characters in them become question marks. */
enum status fail(enum status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The message of the last fail() on this thread; "" when there was none. Valid until the next fail(). */
const char *status_message(void);

/* Passes a failure up. */
#define TRY(call)                                                                                            \
    do {                                                                                                     \
        enum status try_status = (call);                                                                     \
        if (try_status != STATUS_OK)                                                                         \
            return try_status;                                                                               \
    } while (0)

#endif
