/* Loading: defaults, then the file, then the command line, then the checks. Writing and comparing go through
 * the same table, so an option cannot be forgotten. */
#include "llmpi/config/config.h"

#include "checks.h"
#include "llmpi/config/options.h"
#include "llmpi/config/yaml_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST_FILE = 1 << 20 }; /* bytes; a configuration is a few KiB */

struct loader {
    struct config *config;
    const char *name;
};

static enum status set_defaults(struct config *config)
{
    for (int64_t i = 0; i < option_count(); i++)
        TRY(option_set_text(option_at(i), config, option_at(i)->standard, "default"));
    return STATUS_OK;
}

static enum status fail_unknown(const char *where, const char *name)
{
    return fail(STATUS_USAGE, "%s: unknown option '%.100s'; the nearest is '%s'", where, name,
                option_nearest(name));
}

static enum status visit_entry(void *context, const struct yaml_entry *entry)
{
    struct loader *loader = context;
    struct buffer where = {0}, name = {0};
    enum status status = buffer_printf(&where, "%s:%zu", loader->name, entry->line);
    if (status != STATUS_OK)
        goto cleanup;
    const char *section = option_nearest_section(entry->section);
    if (strcmp(section, entry->section) != 0) {
        status = fail(STATUS_USAGE, "%s: unknown section '%.100s'; the nearest is '%s'", where.data,
                      entry->section, section);
        goto cleanup;
    }
    if (entry->key == NULL)
        goto cleanup;
    status = buffer_printf(&name, "%s.%s", entry->section, entry->key);
    if (status != STATUS_OK)
        goto cleanup;
    const struct option *option = option_find(name.data);
    status = option == NULL ? fail_unknown(where.data, name.data)
                            : option_set(option, loader->config, &entry->values, entry->list, where.data);
cleanup:
    buffer_free(&where);
    buffer_free(&name);
    return status;
}

/* One "--section.key=value". */
static enum status apply_override(struct config *config, const char *text)
{
    static const char where[] = "command line";
    const char *equals = strchr(text, '=');
    if (strncmp(text, "--", 2) != 0 || equals == NULL)
        return fail(STATUS_USAGE, "%s: '%.100s' must have the form --section.key=value", where, text);
    struct buffer name = {0};
    enum status status = buffer_append(&name, text + 2, (size_t)(equals - text - 2));
    if (status == STATUS_OK) {
        const struct option *option = option_find(name.data);
        status = option == NULL ? fail_unknown(where, name.data)
                                : option_set_text(option, config, equals + 1, where);
    }
    buffer_free(&name);
    return status;
}

enum status config_parse(struct config *config, const char *yaml, size_t length, const char *name,
                         const struct string_list *overrides)
{
    memset(config, 0, sizeof *config);
    struct loader loader = {config, name};
    TRY(set_defaults(config));
    TRY(yaml_read(yaml, length, name, visit_entry, &loader));
    for (int64_t i = 0; overrides != NULL && i < overrides->count; i++)
        TRY(apply_override(config, overrides->items[i]));
    return config_check(config, name);
}

static enum status read_bounded(FILE *file, const char *path, struct buffer *out)
{
    for (;;) {
        TRY(buffer_reserve(out, 1 << 16));
        out->length += fread(out->data + out->length, 1, 1 << 16, file);
        out->data[out->length] = '\0';
        if (out->length > LARGEST_FILE)
            return fail(STATUS_USAGE, "%s is no configuration: it is larger than %d bytes", path,
                        (int)LARGEST_FILE);
        if (ferror(file))
            return fail(STATUS_USAGE, "cannot read configuration %s: %s", path, strerror(errno));
        if (feof(file))
            return STATUS_OK;
    }
}

enum status config_read(const char *path, struct buffer *out)
{
    bool standard_input = strcmp(path, "-") == 0;
    FILE *file = standard_input ? stdin : fopen(path, "re");
    if (file == NULL)
        return fail(STATUS_USAGE, "cannot read configuration %s: %s", path, strerror(errno));
    enum status status = read_bounded(file, standard_input ? "standard input" : path, out);
    if (!standard_input)
        fclose(file);
    return status;
}

enum status config_load(struct config *config, const char *path, const struct string_list *overrides)
{
    memset(config, 0, sizeof *config);
    struct buffer text = {0};
    enum status status = path != NULL ? config_read(path, &text) : STATUS_OK;
    if (status == STATUS_OK)
        status =
            config_parse(config, text.data, text.length, path != NULL ? path : "configuration", overrides);
    buffer_free(&text);
    return status;
}

void config_free(struct config *config)
{
    for (int64_t i = 0; i < option_count(); i++)
        option_clear(option_at(i), config);
}

static bool begins_section(int64_t index)
{
    if (index == 0)
        return true;
    const struct option *option = option_at(index), *before = option_at(index - 1);
    size_t length = option_section_length(option);
    return length != option_section_length(before) || strncmp(option->name, before->name, length) != 0;
}

/* "    # Words of the help, broken at spaces, then what is allowed." */
static enum status write_comment(const struct option *option, struct buffer *out)
{
    enum { WIDTH = 100 };
    char allowed[160], text[1024];
    snprintf(text, sizeof text, "%s (%s).", option->help, option_describe(option, allowed));
    size_t column = 0;
    for (char *word = text; *word != '\0';) {
        size_t length = strcspn(word, " ");
        bool new_line = column == 0 || column + 1 + length > WIDTH;
        if (new_line)
            TRY(buffer_printf(out, "%s  # %.*s", column > 0 ? "\n" : "", (int)length, word));
        else
            TRY(buffer_printf(out, " %.*s", (int)length, word));
        column = new_line ? 4 + length : column + 1 + length;
        word += length + (word[length] == ' ');
    }
    return buffer_printf(out, "\n");
}

enum status config_write(const struct config *config, bool help, struct buffer *out)
{
    for (int64_t i = 0; i < option_count(); i++) {
        const struct option *option = option_at(i);
        int length = (int)option_section_length(option);
        if (begins_section(i))
            TRY(buffer_printf(out, "%s%.*s:\n", i > 0 ? "\n" : "", length, option->name));
        if (help)
            TRY(write_comment(option, out));
        TRY(buffer_printf(out, "  %s: ", option->name + length + 1));
        TRY(option_write(option, config, out));
        TRY(buffer_printf(out, "\n"));
    }
    return STATUS_OK;
}

static enum status compare_option(const struct option *option, const struct config *stored,
                                  const struct config *now, struct buffer *changes)
{
    struct buffer before = {0}, after = {0};
    enum status status = option_write(option, stored, &before);
    if (status == STATUS_OK)
        status = option_write(option, now, &after);
    if (status == STATUS_OK && strcmp(before.data, after.data) != 0) {
        if (option->may_change)
            status = buffer_printf(changes, "%s: %s -> %s\n", option->name, before.data, after.data);
        else
            status = fail(STATUS_USAGE,
                          "%s is %s but the checkpoint was made with %s: set it back, take another "
                          "run.directory, or start over with --fresh",
                          option->name, after.data, before.data);
    }
    buffer_free(&before);
    buffer_free(&after);
    return status;
}

enum status config_compare(const struct config *stored, const struct config *now, struct buffer *changes)
{
    for (int64_t i = 0; i < option_count(); i++)
        TRY(compare_option(option_at(i), stored, now, changes));
    return STATUS_OK;
}
