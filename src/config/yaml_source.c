/* The only user of libyaml. Events are taken one by one, by a function per level (document, section, key,
 * value), so that depth is bounded by the code: whatever nests deeper is refused where it begins. */
#include "llmpi/config/yaml_source.h"

#include "llmpi/base/buffer.h"
#include "llmpi/base/utf8.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct source {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    const char *name, *text;
    size_t length;
    struct string_list seen; /* "section" and "section.key" so far */
    enum status (*visit)(void *context,
                         const struct yaml_entry *entry); /* NULL: a list of the command line */
    void *context;
};

static size_t current_line(const struct source *source)
{
    return source->event.start_mark.line + 1;
}

static size_t line_of_byte(const struct source *source, size_t byte)
{
    size_t line = 1;
    for (size_t i = 0; i < byte && i < source->length; i++)
        line += source->text[i] == '\n';
    return line;
}

/* Whether the blanks at the start of a line contain a tab, the usual reason for a line that makes no sense.
 */
static bool is_indented_by_tab(const struct source *source, size_t line)
{
    const char *start = source->text, *end = source->text + source->length;
    for (; line > 1 && start < end; line--) {
        const char *newline = memchr(start, '\n', (size_t)(end - start));
        start = newline == NULL ? end : newline + 1;
    }
    while (start < end && *start == ' ')
        start++;
    return start < end && *start == '\t';
}

/* "NAME:LINE: what", without a line for the single one of a command line. */
static enum status __attribute__((format(printf, 3, 4)))
fail_at(const struct source *source, size_t line, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (source->visit == NULL)
        return fail(STATUS_USAGE, "%s: %s", source->name, text);
    return fail(STATUS_USAGE, "%s:%zu: %s", source->name, line, text);
}

static const char unsupported[] =
    "anchors (&), aliases (*) and tags (!) are not supported; quote a text that begins with one of them";

static enum status fail_syntax(const struct source *source)
{
    const yaml_parser_t *parser = &source->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return fail(STATUS_FAILED, "out of memory: cannot read %s", source->name);
    size_t line = parser->error == YAML_READER_ERROR ? line_of_byte(source, parser->problem_offset)
                                                     : parser->problem_mark.line + 1;
    if (is_indented_by_tab(source, line))
        return fail_at(source, line, "a tab indents this line: YAML wants spaces");
    if (parser->context != NULL &&
        strncmp(parser->context, "while scanning an a", 19) == 0) /* alias or anchor */
        return fail_at(source, line, "%s", unsupported);
    return fail_at(source, line, "not valid YAML: %s%s%s", parser->problem,
                   parser->context != NULL ? " " : "", parser->context != NULL ? parser->context : "");
}

static enum status refuse(const struct source *source, const char *what)
{
    return fail_at(source, current_line(source), "%s", what);
}

/* Goes to the next event. */
static enum status advance(struct source *source)
{
    yaml_event_delete(&source->event);
    memset(&source->event, 0, sizeof source->event);
    if (!yaml_parser_parse(&source->parser, &source->event))
        return fail_syntax(source);
    const yaml_event_t *event = &source->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
            return refuse(source, "a text contains a NUL character");
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (event->type == YAML_ALIAS_EVENT || anchor != NULL || tag != NULL)
        return refuse(source, unsupported);
    return STATUS_OK;
}

static const char *scalar(const struct source *source)
{
    return (const char *)source->event.data.scalar.value;
}

/* Nothing at all stands there, as in "inputs:". */
static bool is_nothing(const struct source *source)
{
    return source->event.type == YAML_SCALAR_EVENT && source->event.data.scalar.length == 0 &&
           source->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Keys of the same name would overwrite each other. */
static enum status check_new(struct source *source, const char *name)
{
    for (int64_t i = 0; i < source->seen.count; i++)
        if (strcmp(source->seen.items[i], name) == 0)
            return fail_at(source, current_line(source), "%s is given twice", name);
    return string_list_add(&source->seen, name);
}

static enum status read_items(struct source *source, struct string_list *out)
{
    for (;;) {
        TRY(advance(source));
        if (source->event.type == YAML_SEQUENCE_END_EVENT)
            return STATUS_OK;
        if (source->event.type != YAML_SCALAR_EVENT)
            return refuse(source, "a list holds texts only, no lists or keys");
        TRY(string_list_add(out, scalar(source)));
    }
}

/* The value after a key. */
static enum status read_value(struct source *source, struct yaml_entry *entry)
{
    TRY(advance(source));
    if (source->event.type == YAML_MAPPING_START_EVENT)
        return fail_at(source, entry->line, "%s.%s holds further keys but must hold a value", entry->section,
                       entry->key);
    entry->list = source->event.type == YAML_SEQUENCE_START_EVENT;
    if (entry->list)
        return read_items(source, &entry->values);
    return is_nothing(source) ? STATUS_OK : string_list_add(&entry->values, scalar(source));
}

/* One key of a section and its value; the current event is the key. */
static enum status read_entry(struct source *source, const char *section)
{
    if (source->event.type != YAML_SCALAR_EVENT)
        return refuse(source, "a key must be a name");
    struct buffer name = {0};
    struct yaml_entry entry = {.section = section, .line = current_line(source)};
    enum status status = buffer_printf(&name, "%s.%s", section, scalar(source));
    if (status == STATUS_OK) {
        entry.key = name.data + strlen(section) + 1;
        status = check_new(source, name.data);
    }
    if (status == STATUS_OK)
        status = read_value(source, &entry);
    if (status == STATUS_OK)
        status = source->visit(source->context, &entry);
    string_list_free(&entry.values);
    buffer_free(&name);
    return status;
}

/* The keys below a section's name. */
static enum status read_entries(struct source *source, const char *section)
{
    TRY(advance(source));
    if (is_nothing(source))
        return STATUS_OK;
    if (source->event.type != YAML_MAPPING_START_EVENT)
        return fail_at(source, current_line(source),
                       "'%.100s' must be a section with its keys on indented lines below it", section);
    for (;;) {
        TRY(advance(source));
        if (source->event.type == YAML_MAPPING_END_EVENT)
            return STATUS_OK;
        TRY(read_entry(source, section));
    }
}

static enum status read_section(struct source *source)
{
    if (source->event.type != YAML_SCALAR_EVENT)
        return refuse(source, "a section must begin with its name");
    TRY(check_new(source, scalar(source)));
    struct buffer section = {0};
    enum status status = buffer_printf(&section, "%s", scalar(source));
    if (status == STATUS_OK)
        status = source->visit(source->context,
                               &(struct yaml_entry){.section = section.data, .line = current_line(source)});
    if (status == STATUS_OK)
        status = read_entries(source, section.data);
    buffer_free(&section);
    return status;
}

/* The top level: sections. */
static enum status read_sections(struct source *source)
{
    if (is_nothing(source))
        return STATUS_OK;
    if (source->event.type != YAML_MAPPING_START_EVENT)
        return refuse(source, "a configuration consists of sections such as `train:` with keys below them");
    for (;;) {
        TRY(advance(source));
        if (source->event.type == YAML_MAPPING_END_EVENT)
            return STATUS_OK;
        TRY(read_section(source));
    }
}

static enum status read_list(struct source *source, struct string_list *out)
{
    if (source->event.type != YAML_SEQUENCE_START_EVENT)
        return refuse(source, "a list such as [a, b] was expected");
    return read_items(source, out);
}

/* Stream and document around the content: sections, or a list where `list` is given. */
static enum status read_stream(struct source *source, struct string_list *list)
{
    TRY(advance(source)); /* the stream starts */
    TRY(advance(source));
    if (source->event.type == YAML_STREAM_END_EVENT)
        return STATUS_OK;
    TRY(advance(source)); /* after the document's start */
    TRY(list != NULL ? read_list(source, list) : read_sections(source));
    TRY(advance(source)); /* the document ends */
    TRY(advance(source));
    if (source->event.type != YAML_STREAM_END_EVENT)
        return refuse(source, "a second YAML document begins here; one is expected");
    return STATUS_OK;
}

static enum status read_all(struct source *source, struct string_list *list)
{
    int64_t invalid = utf8_find_invalid(source->text, source->length);
    if (invalid >= 0)
        return fail_at(source, line_of_byte(source, (size_t)invalid), "byte 0x%02x is not valid UTF-8",
                       (unsigned char)source->text[invalid]);
    size_t mark = source->length >= 3 && memcmp(source->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (!yaml_parser_initialize(&source->parser))
        return fail(STATUS_FAILED, "out of memory: cannot read %s", source->name);
    yaml_parser_set_encoding(&source->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&source->parser, (const yaml_char_t *)source->text + mark,
                                 source->length - mark);
    enum status status = read_stream(source, list);
    yaml_event_delete(&source->event);
    yaml_parser_delete(&source->parser);
    string_list_free(&source->seen);
    return status;
}

enum status yaml_read(const char *text, size_t length, const char *name,
                      enum status (*visit)(void *context, const struct yaml_entry *entry), void *context)
{
    struct source source = {
        .name = name, .text = length > 0 ? text : "", .length = length, .visit = visit, .context = context};
    return read_all(&source, NULL);
}

enum status yaml_read_list(const char *text, const char *name, struct string_list *out)
{
    struct source source = {.name = name, .text = text, .length = strlen(text)};
    return read_all(&source, out);
}

/* Letters first, then letters, digits and a few signs: a path or name that YAML cannot take for anything
 * else. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    size_t dots = strspn(text, ".");
    if (dots > 2 || text[dots] == '\0' || strchr(dots > 0 ? "/" : letters, text[dots]) == NULL)
        return false;
    size_t rest = strspn(text, letters);
    while (text[rest] != '\0' &&
           (strchr(letters, text[rest]) != NULL || strchr("0123456789.-+", text[rest]) != NULL))
        rest++;
    return text[rest] == '\0';
}

/* Characters that libyaml refuses, or takes for line breaks, when they stand as they are. */
static bool needs_escape(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0x2028 ||
           character == 0x2029 || character == 0xfeff || character == 0xfffe || character == 0xffff;
}

static enum status write_quoted_character(struct buffer *out, const char *text, int length,
                                          uint32_t character)
{
    if (character == '"' || character == '\\')
        return buffer_printf(out, "\\%c", (int)character);
    if (character == '\n')
        return buffer_printf(out, "\\n");
    if (character == '\t')
        return buffer_printf(out, "\\t");
    if (needs_escape(character))
        return buffer_printf(out, "\\u%04x", character);
    return buffer_append(out, text, (size_t)length);
}

enum status yaml_write_text(struct buffer *out, const char *text)
{
    if (is_plain(text))
        return buffer_printf(out, "%s", text);
    TRY(buffer_printf(out, "\""));
    for (size_t left = strlen(text); left > 0;) {
        uint32_t character;
        int length = utf8_decode(text, left, &character);
        if (length == 0)
            return fail(STATUS_FAILED, "a text of the configuration is not valid UTF-8");
        TRY(write_quoted_character(out, text, length, character));
        text += length;
        left -= (size_t)length;
    }
    return buffer_printf(out, "\"");
}
