/* Values of options: from text into the field of struct config, with its bounds, and back to text. Numbers
 * are read strictly, since "2k" or "1_000" taken for something else would train the wrong model for a week.
 */
#include "llmpi/config/options.h"

#include "llmpi/base/memory.h"
#include "llmpi/base/utf8.h"
#include "llmpi/config/yaml_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field(const struct option *option, struct config *config)
{
    return (char *)config + option->offset;
}

static const void *field_of(const struct option *option, const struct config *config)
{
    return (const char *)config + option->offset;
}

const char *option_describe(const struct option *option, char text[160])
{
    static const char *const kinds[] = {
        [OPTION_INTEGER] = "a whole number",
        [OPTION_NUMBER] = "a number",
        [OPTION_BOOLEAN] = "true or false",
        [OPTION_TEXT] = "a text",
        [OPTION_LIST] = "a list",
        [OPTION_CHOICE] = "one of",
    };
    if (option->type == OPTION_CHOICE)
        snprintf(text, 160, "one of %s", option->choices);
    else if (option->type == OPTION_TEXT && option->range != NULL)
        snprintf(text, 160, "a text that is not empty");
    else if (option->range != NULL)
        snprintf(text, 160, "%s in %s", kinds[option->type], option->range);
    else
        snprintf(text, 160, "%s", kinds[option->type]);
    return text;
}

static enum status complain(const struct option *option, const char *value, const char *where)
{
    char allowed[160];
    return fail(STATUS_USAGE, "%s: %s is '%.200s' but must be %s", where, option->name, value,
                option_describe(option, allowed));
}

/* Whether a number lies in an interval such as "(0, 1]"; NULL: always. */
static bool in_range(const char *range, double value)
{
    if (range == NULL)
        return true;
    char *end;
    double minimum = strtod(range + 1, &end);
    double maximum = strtod(end + 1, &end);
    bool above = range[0] == '[' ? value >= minimum : value > minimum;
    bool below = *end == ']' ? value <= maximum : value < maximum;
    return above && below;
}

/* Decimal digits, perhaps after a minus, within 64 bits; no leading zero, which other readers take for octal.
 */
static bool read_integer(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-');
    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits) ||
        (digits[0] == '0' && digits[1] != '\0'))
        return false;
    errno = 0;
    *out = strtoll(text, NULL, 10);
    return errno == 0;
}

/* A finite decimal number; strtod alone would also take hexadecimal ones, "inf", "nan" and leading spaces. */
static bool read_number(const char *text, double *out)
{
    if (*text == '\0' || strspn(text, "0123456789.eE+-") != strlen(text))
        return false;
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return *end == '\0' && errno == 0;
}

/* The index of `text` among "a|b|c", or -1. */
static int64_t find_choice(const char *choices, const char *text)
{
    for (int64_t index = 0;; index++) {
        size_t length = strcspn(choices, "|");
        if (strlen(text) == length && strncmp(choices, text, length) == 0)
            return index;
        if (choices[length] == '\0')
            return -1;
        choices += length + 1;
    }
}

static enum status set_list(struct string_list *list, const struct string_list *values)
{
    struct string_list copy = {0};
    for (int64_t i = 0; i < values->count; i++) {
        if (string_list_add(&copy, values->items[i]) != STATUS_OK) {
            string_list_free(&copy);
            return STATUS_FAILED;
        }
    }
    string_list_free(list);
    *list = copy;
    return STATUS_OK;
}

static enum status set_one(const struct option *option, struct config *config, const char *text,
                           const char *where)
{
    void *target = field(option, config);
    int64_t integer;
    double number;
    switch (option->type) {
    case OPTION_INTEGER:
        if (!read_integer(text, &integer) || !in_range(option->range, (double)integer))
            return complain(option, text, where);
        *(int64_t *)target = integer;
        return STATUS_OK;
    case OPTION_NUMBER:
        if (!read_number(text, &number) || !in_range(option->range, number))
            return complain(option, text, where);
        *(double *)target = number;
        return STATUS_OK;
    case OPTION_BOOLEAN:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return complain(option, text, where);
        *(bool *)target = text[0] == 't';
        return STATUS_OK;
    case OPTION_CHOICE:
        integer = find_choice(option->choices, text);
        if (integer < 0)
            return complain(option, text, where);
        *(int64_t *)target = integer;
        return STATUS_OK;
    default:
        break;
    }
    if (!in_range(option->range, (double)strlen(text)))
        return complain(option, text, where);
    char *copy = memory_copy_text(text, strlen(text));
    if (copy == NULL)
        return STATUS_FAILED;
    free(*(char **)target);
    *(char **)target = copy;
    return STATUS_OK;
}

enum status option_set(const struct option *option, struct config *config, const struct string_list *values,
                       bool list, const char *where)
{
    char allowed[160];
    if (option->type == OPTION_LIST)
        return set_list(field(option, config), values);
    if (list)
        return fail(STATUS_USAGE, "%s: %s is a list but must be %s", where, option->name,
                    option_describe(option, allowed));
    return set_one(option, config, values->count > 0 ? values->items[0] : "", where);
}

static enum status split_commas(const char *text, struct string_list *out)
{
    for (;;) {
        size_t length = strcspn(text, ",");
        char *item = memory_copy_text(text, length);
        if (item == NULL)
            return STATUS_FAILED;
        enum status status = string_list_add(out, item);
        free(item);
        TRY(status);
        if (text[length] == '\0')
            return STATUS_OK;
        text += length + 1;
    }
}

enum status option_set_text(const struct option *option, struct config *config, const char *text,
                            const char *where)
{
    if (utf8_find_invalid(text, strlen(text)) >= 0)
        return fail(STATUS_USAGE, "%s: the value is not valid UTF-8", where);
    if (option->type != OPTION_LIST)
        return set_one(option, config, text, where);
    struct string_list values = {0};
    enum status status = STATUS_OK;
    if (text[0] == '[')
        status = yaml_read_list(text, where, &values);
    else if (text[0] != '\0')
        status = split_commas(text, &values);
    if (status == STATUS_OK)
        status = option_set(option, config, &values, true, where);
    string_list_free(&values);
    return status;
}

/* As few digits as give the same number back; 17 always do. Before an exponent there is a point, without
 * which YAML 1.1, as PyYAML reads it, takes the number for a text. */
static enum status write_number(struct buffer *out, double value)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    size_t whole = strspn(text, "-0123456789");
    return buffer_printf(out, "%.*s%s%s", (int)whole, text, text[whole] == 'e' ? ".0" : "", text + whole);
}

static enum status write_choice(struct buffer *out, const char *choices, int64_t index)
{
    while (index-- > 0)
        choices += strcspn(choices, "|") + 1;
    return buffer_printf(out, "%.*s", (int)strcspn(choices, "|"), choices);
}

static enum status write_list(struct buffer *out, const struct string_list *list)
{
    TRY(buffer_printf(out, "["));
    for (int64_t i = 0; i < list->count; i++) {
        TRY(buffer_printf(out, "%s", i > 0 ? ", " : ""));
        TRY(yaml_write_text(out, list->items[i]));
    }
    return buffer_printf(out, "]");
}

enum status option_write(const struct option *option, const struct config *config, struct buffer *out)
{
    const void *source = field_of(option, config);
    switch (option->type) {
    case OPTION_INTEGER:
        return buffer_printf(out, "%lld", (long long)*(const int64_t *)source);
    case OPTION_NUMBER:
        return write_number(out, *(const double *)source);
    case OPTION_BOOLEAN:
        return buffer_printf(out, "%s", *(const bool *)source ? "true" : "false");
    case OPTION_CHOICE:
        return write_choice(out, option->choices, *(const int64_t *)source);
    case OPTION_TEXT:
        return yaml_write_text(out, *(char *const *)source);
    default:
        return write_list(out, source);
    }
}

void option_clear(const struct option *option, struct config *config)
{
    void *target = field(option, config);
    if (option->type == OPTION_TEXT) {
        free(*(char **)target);
        *(char **)target = NULL;
    } else if (option->type == OPTION_LIST) {
        string_list_free(target);
    }
}
