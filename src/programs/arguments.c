/* Sorting a command line by the command's own table of flags; the same table prints the help. */
#include "llmpi/programs/arguments.h"

#include "help.h"
#include "llmpi/base/buffer.h"
#include "llmpi/base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct flag common_flags[] = {
    {"--help", NULL, "Print this and end"},
    {"--print-config", NULL, "Print the resolved configuration and end"},
};

static int common_count(const struct command *command)
{
    return command->configuration ? 2 : 1;
}

/* The flag named by the first `length` bytes of `text`, or NULL. */
static const struct flag *find_flag(const struct command *command, const char *text, size_t length)
{
    for (int i = 0; i < command->flag_count + common_count(command); i++) {
        const struct flag *flag =
            i < command->flag_count ? &command->flags[i] : &common_flags[i - command->flag_count];
        if (strlen(flag->name) == length && strncmp(flag->name, text, length) == 0)
            return flag;
    }
    return NULL;
}

static enum status fail_unknown(const struct command *command, const char *name)
{
    const char *nearest = "--help";
    int best = string_distance(name, nearest);
    for (int i = 0; i < command->flag_count + common_count(command); i++) {
        const char *known =
            i < command->flag_count ? command->flags[i].name : common_flags[i - command->flag_count].name;
        if (string_distance(name, known) < best) {
            best = string_distance(name, known);
            nearest = known;
        }
    }
    return fail(STATUS_USAGE, "llmpi %s has no flag '%.100s'; the nearest is '%s'", command->name, name,
                nearest);
}

/* `next` is the argument after this one, or NULL: "--seed 7" is a common slip. */
static enum status fail_value(const struct flag *flag, bool given, const char *next)
{
    if (given)
        return fail(STATUS_USAGE, "%s takes no value", flag->name);
    return fail(STATUS_USAGE, "%s needs a value: write %s=%.100s", flag->name, flag->name,
                next != NULL ? next : flag->value);
}

static enum status add_override(const struct command *command, const char *text, const char *next,
                                struct arguments *out)
{
    if (!command->configuration)
        return fail(STATUS_USAGE, "llmpi %s takes no configuration, so '%.100s' has no meaning",
                    command->name, text);
    if (strchr(text, '=') == NULL)
        return fail(STATUS_USAGE, "%.100s needs a value: write %.100s=%.100s", text, text,
                    next != NULL ? next : "VALUE");
    return string_list_add(&out->overrides, text);
}

static enum status add_flag(const struct command *command, const char *text, const char *next,
                            struct arguments *out)
{
    size_t length = strcspn(text, "=");
    if (memchr(text, '.', length) != NULL)
        return add_override(command, text, next, out);
    const struct flag *flag = find_flag(command, text, length);
    if (flag == NULL) {
        struct buffer name = {0};
        enum status status = buffer_append(&name, text, length);
        if (status == STATUS_OK)
            status = fail_unknown(command, name.data);
        buffer_free(&name);
        return status;
    }
    bool given = text[length] == '=';
    if (given != (flag->value != NULL))
        return fail_value(flag, given, next);
    bool repeats = given && path_has_suffix(flag->value, "...");
    if (!repeats && arguments_has(out, flag->name))
        return fail(STATUS_USAGE, "%s is given twice", flag->name);
    return string_list_add(&out->given, text);
}

static enum status check_positionals(const struct command *command, const struct arguments *parsed)
{
    int64_t count = parsed->positionals.count;
    if (count < command->minimum)
        return fail(STATUS_USAGE, "an argument is missing: usage: llmpi %s %s (`llmpi %s --help` says more)",
                    command->name, command->positionals, command->name);
    if (command->maximum >= 0 && count > command->maximum)
        return fail(STATUS_USAGE,
                    "argument '%.100s' is one too many: usage: llmpi %s %s (`llmpi %s --help` says more)",
                    parsed->positionals.items[command->maximum], command->name, command->positionals,
                    command->name);
    return STATUS_OK;
}

bool arguments_want_help(int count, char **arguments)
{
    for (int i = 0; i < count && strcmp(arguments[i], "--") != 0; i++)
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0)
            return true;
    return false;
}

enum status arguments_parse(const struct command *command, int count, char **arguments, struct arguments *out)
{
    *out = (struct arguments){0};
    if (arguments_want_help(count, arguments)) {
        out->finished = true;
        return help_print(command, common_flags, common_count(command));
    }
    bool flags = true;
    for (int i = 0; i < count; i++) {
        const char *text = arguments[i], *next = i + 1 < count ? arguments[i + 1] : NULL;
        if (flags && strcmp(text, "--") == 0)
            flags = false;
        else if (flags && text[0] == '-' && text[1] != '\0')
            TRY(add_flag(command, text, next, out));
        else
            TRY(string_list_add(&out->positionals, text));
    }
    return check_positionals(command, out);
}

void arguments_free(struct arguments *arguments)
{
    string_list_free(&arguments->positionals);
    string_list_free(&arguments->overrides);
    string_list_free(&arguments->given);
}

/* The value of `flag` where `text` gives it, or NULL. */
static const char *value_of(const char *text, const char *flag)
{
    size_t length = strlen(flag);
    bool same = strncmp(text, flag, length) == 0 && (text[length] == '=' || text[length] == '\0');
    return same ? text + length + (text[length] == '=') : NULL;
}

const char *arguments_get(const struct arguments *arguments, const char *flag)
{
    const char *value = NULL;
    for (int64_t i = 0; i < arguments->given.count && value == NULL; i++)
        value = value_of(arguments->given.items[i], flag);
    return value;
}

enum status arguments_get_all(const struct arguments *arguments, const char *flag, struct string_list *out)
{
    for (int64_t i = 0; i < arguments->given.count; i++) {
        const char *value = value_of(arguments->given.items[i], flag);
        if (value != NULL)
            TRY(string_list_add(out, value));
    }
    return STATUS_OK;
}

bool arguments_has(const struct arguments *arguments, const char *flag)
{
    return arguments_get(arguments, flag) != NULL;
}

enum status arguments_get_integer(const struct arguments *arguments, const char *flag, int64_t minimum,
                                  int64_t maximum, int64_t *out)
{
    const char *text = arguments_get(arguments, flag);
    if (text == NULL)
        return STATUS_OK;
    const char *digits = text + (*text == '-');
    errno = 0;
    int64_t value = strtoll(text, NULL, 10);
    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits) || errno != 0 || value < minimum ||
        value > maximum)
        return fail(STATUS_USAGE, "%s is '%.100s' but must be a whole number from %lld to %lld", flag, text,
                    (long long)minimum, (long long)maximum);
    *out = value;
    return STATUS_OK;
}

enum status arguments_get_number(const struct arguments *arguments, const char *flag, double minimum,
                                 double maximum, double *out)
{
    const char *text = arguments_get(arguments, flag);
    if (text == NULL)
        return STATUS_OK;
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (*text == '\0' || strspn(text, "0123456789.eE+-") != strlen(text) || *end != '\0' || errno != 0 ||
        value < minimum || value > maximum)
        return fail(STATUS_USAGE, "%s is '%.100s' but must be a number from %g to %g", flag, text, minimum,
                    maximum);
    *out = value;
    return STATUS_OK;
}
