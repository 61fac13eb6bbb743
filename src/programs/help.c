/* Two columns, names and sentences, the latter broken at the 100th column. Options come from the option
 * table. */
#include "help.h"

#include "llmpi/base/buffer.h"
#include "llmpi/config/options.h"

#include <stdio.h>
#include <string.h>

enum { NAME_WIDTH = 32, LINE_WIDTH = 100 };

/* Prints words from `column` on, continuing below `indent` spaces. */
static void print_words(const char *text, size_t column, int indent)
{
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        bool new_line = column + 1 + length > LINE_WIDTH;
        if (new_line)
            printf("\n%*s", indent, "");
        printf("%s%.*s", column > 0 && !new_line ? " " : "", (int)length, text);
        column = (new_line ? (size_t)indent : column + 1) + length;
        text += length + (text[length] == ' ');
    }
    putchar('\n');
}

static void print_row(const char *name, const char *text)
{
    printf("  %-*s", NAME_WIDTH, name);
    if (strlen(name) > NAME_WIDTH)
        printf("\n  %*s", NAME_WIDTH, "");
    print_words(text, NAME_WIDTH + 2, NAME_WIDTH + 3);
}

static void print_flag(const struct flag *flag)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", flag->name, flag->value != NULL ? "=" : "",
             flag->value != NULL ? flag->value : "");
    print_row(name, flag->help);
}

static enum status print_option(const struct option *option, const struct config *defaults)
{
    char name[64], allowed[160];
    struct buffer text = {0};
    snprintf(name, sizeof name, "--%s=", option->name);
    enum status status =
        buffer_printf(&text, "%s (%s; default ", option->help, option_describe(option, allowed));
    if (status == STATUS_OK)
        status = option_write(option, defaults, &text);
    if (status == STATUS_OK)
        status = buffer_printf(&text, ")");
    if (status == STATUS_OK)
        print_row(name, text.data);
    buffer_free(&text);
    return status;
}

static enum status print_options(void)
{
    struct config defaults;
    enum status status = config_load(&defaults, NULL, NULL);
    const char *section = "";
    printf("\nConfiguration: every key may stand in CONFIG, as `key: value` below `section:`, and every flag "
           "below\n"
           "overrides it. Lists are separated by commas, or written as [a, \"b, c\"]. Relative paths start "
           "from the\n"
           "current folder.\n");
    for (int64_t i = 0; status == STATUS_OK && i < option_count(); i++) {
        const struct option *option = option_at(i);
        size_t length = option_section_length(option);
        if (strncmp(section, option->name, length + 1) != 0)
            printf("\n%.*s:\n", (int)length, option->name);
        section = option->name;
        status = print_option(option, &defaults);
    }
    config_free(&defaults);
    return status;
}

enum status help_print(const struct command *command, const struct flag *common, int common_count)
{
    char sentence[1024];
    snprintf(sentence, sizeof sentence, "%s.", command->help);
    printf("usage: llmpi %s%s%s [--flags]\n\n", command->name, *command->positionals ? " " : "",
           command->positionals);
    print_words(sentence, 0, 0);
    printf("\nFlags:\n");
    for (int i = 0; i < command->flag_count; i++)
        print_flag(&command->flags[i]);
    for (int i = 0; i < common_count; i++)
        print_flag(&common[i]);
    return command->configuration ? print_options() : STATUS_OK;
}
