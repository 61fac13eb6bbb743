/* The command line of one subcommand: positional arguments, `--flag` and `--flag=value`, and for commands
 * with a CONFIG also `--section.key=value`, which overrides an option of the configuration file.
 *
 * A program with a CONFIG is
 *
 *     static const struct command command = {.name = "train", .positionals = "CONFIG", ..., .configuration =
 * true}; struct program program; enum status status = program_begin(&command, count, arguments, &program); if
 * (status == STATUS_OK && !program.finished) status = work(&program.config, program.comm);
 *     return program_end(&program, status);
 */
#ifndef LLMPI_PROGRAMS_ARGUMENTS_H
#define LLMPI_PROGRAMS_ARGUMENTS_H

#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"
#include "llmpi/comm/comm.h"
#include "llmpi/config/config.h"

#include <stdbool.h>
#include <stdint.h>

/* A flag that a command understands; one whose value ends with "..." may be given several times. */
struct flag {
    const char *name;  /* "--seed" */
    const char *value; /* what stands after "=" in the help, such as "N"; NULL: the flag has no value */
    const char *help;  /* one sentence without a full stop */
};

struct command {
    const char *name;        /* "train", "corpus generate" */
    const char *positionals; /* as in the help: "CONFIG", "FILE..." */
    int minimum, maximum;    /* number of positional arguments; maximum -1: any */
    const char *help;        /* what the command does, one sentence */
    const struct flag *flags;
    int flag_count;
    bool configuration; /* the first positional is a CONFIG: takes overrides and --print-config */
    bool checkpoint;    /* or it is a CHECKPOINT, whose stored configuration is taken */
    bool alone;         /* for program_begin: one process without MPI */
    bool stops;         /* for program_begin: requests to stop (comm/requests.h) are obeyed */
};

/* What stood on the command line. Start with {0}; free with arguments_free, also after a failure. */
struct arguments {
    struct string_list positionals;
    struct string_list overrides; /* "--section.key=value" */
    struct string_list given;     /* "--flag" or "--flag=value" */
    bool finished;                /* --help was printed: nothing is left to do */
};

/* Sorts the arguments. An unknown flag is STATUS_USAGE with the nearest known name; so are a missing or
 * needless value, a flag given twice, and a wrong number of positionals. "--" ends the flags; "-" alone is
 * positional. */
enum status arguments_parse(const struct command *command, int count, char **arguments,
                            struct arguments *out);

/* Whether the line asks for help, which wins over everything that is wrong with it. */
bool arguments_want_help(int count, char **arguments);
void arguments_free(struct arguments *arguments);

/* The value of a flag ("" for one without value), or NULL when it was not given. */
const char *arguments_get(const struct arguments *arguments, const char *flag);
/* Appends the values of a flag that repeats, in order. */
enum status arguments_get_all(const struct arguments *arguments, const char *flag, struct string_list *out);
bool arguments_has(const struct arguments *arguments, const char *flag);

/* *out becomes the value of a flag as a number within bounds; it is left alone when the flag was not given.
 */
enum status arguments_get_integer(const struct arguments *arguments, const char *flag, int64_t minimum,
                                  int64_t maximum, int64_t *out);
enum status arguments_get_number(const struct arguments *arguments, const char *flag, double minimum,
                                 double maximum, double *out);

/* A started program with ranks. */
struct program {
    struct arguments arguments;
    struct config config; /* {0} for a command without a CONFIG */
    struct comm *comm;
    bool finished; /* --help or --print-config was served: nothing is left to do */
};

/* Starts the ranks (comm_begin, or comm_alone), parses the command line, lets rank 0 read the CONFIG (where
 * the command has one) for all of them, and agrees on the status. A command that `stops` can be asked to from
 * then on, with a CONFIG also by its limits of time. Call program_end in any case.
 * **Collective** */
enum status program_begin(const struct command *command, int count, char **arguments, struct program *out);

/* Ends a program with this status: says what went wrong or where it stopped, and completes standard output,
 * then frees everything and ends the ranks. That order matters: once another rank has left with an error,
 * mpirun may kill rank 0 before it has said why. Returns the status of the process. All ranks must come here
 * in order.
 * **Collective** */
enum status program_end(struct program *program, enum status status);

/* The first half of program_end, for programs without ranks; main() calls it for all. Prints the message of a
 * failure or of a stop once, however often it is called. */
enum status program_report(enum status status);

#endif
