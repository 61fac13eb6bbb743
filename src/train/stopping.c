/* Signal handlers that set one flag. */
#include "llmpi/train/stopping.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t received = 0;

static void take_note(int number)
{
    received = number;
    if (number == SIGINT)
        signal(SIGINT, SIG_DFL); /* the second Ctrl-C is meant */
}

void stopping_begin(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1};
    struct sigaction action = {.sa_handler = take_note, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

bool stopping_requested(void)
{
    return received != 0;
}

const char *stopping_reason(void)
{
    switch (received) {
    case 0:
        return "";
    case SIGINT:
        return "SIGINT";
    case SIGTERM:
        return "SIGTERM";
    default:
        return "SIGUSR1";
    }
}
