/* The walk over the files of a corpus. Every reader goes through all bytes of all files, so that it knows the
 * number of each document; looking for newlines and separators costs little beside parsing and tokenizing. */
#include "llmpi/corpus/reader.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/corpus/formats.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WARNINGS = 10 }; /* bad documents that each reader describes */

enum status corpus_open(const struct corpus_settings *settings, struct corpus *out)
{
    *out = (struct corpus){.settings = *settings};
    enum status status = inputs_resolve(settings->inputs, &out->files);
    for (int64_t i = 0; status == STATUS_OK && i < out->files.count; i++) {
        int64_t size = file_size(out->files.items[i]);
        if (size < 0)
            status = fail(STATUS_FAILED, "cannot read %s: %s", out->files.items[i], strerror(errno));
        out->bytes += size;
    }
    if (status != STATUS_OK)
        corpus_close(out);
    return status;
}

void corpus_close(struct corpus *corpus)
{
    string_list_free(&corpus->files);
    *corpus = (struct corpus){0};
}

int64_t corpus_report_errors(const struct corpus_report *report)
{
    return report->invalid_utf8 + report->broken_json + report->missing_field + report->empty +
           report->truncated;
}

void corpus_report_add(struct corpus_report *sum, const struct corpus_report *more)
{
    sum->documents += more->documents;
    sum->bytes += more->bytes;
    sum->invalid_utf8 += more->invalid_utf8;
    sum->broken_json += more->broken_json;
    sum->missing_field += more->missing_field;
    sum->empty += more->empty;
    sum->truncated += more->truncated;
}

bool corpus_is_divisible(const struct corpus *corpus, int64_t parts)
{
    bool divisible = parts == 1 || corpus->settings.max_documents == 0;
    for (int64_t i = 0; i < corpus->files.count && parts > 1; i++)
        divisible = divisible && file_kind_of(corpus->files.items[i]).compression == COMPRESSION_NONE;
    return divisible;
}

enum status reader_open(const struct corpus *corpus, int64_t parts, int64_t reader, int64_t readers,
                        struct reader **out)
{
    *out = NULL;
    if (parts < 1 || reader < 0 || reader >= readers)
        return fail(STATUS_FAILED,
                    "reader %lld of %lld for %lld parts: expected 0 <= reader < readers and a part",
                    (long long)reader, (long long)readers, (long long)parts);
    struct reader *opened = memory_allocate(1, sizeof *opened, "a corpus reader");
    if (opened == NULL)
        return STATUS_FAILED;
    *opened = (struct reader){.corpus = corpus, .parts = parts, .index = reader, .readers = readers};
    *out = opened;
    return STATUS_OK;
}

int64_t reader_part_here(const struct reader *reader)
{
    return (reader->file + reader->window.offset / CORPUS_SEGMENT) % reader->parts;
}

bool reader_owns(const struct reader *reader, int64_t part)
{
    return part % reader->readers == reader->index;
}

bool reader_reached_limit(const struct reader *reader)
{
    int64_t limit = reader->corpus->settings.max_documents;
    return limit > 0 && reader->seen >= limit;
}

enum status reader_reject(struct reader *reader, int64_t *count, int64_t line, const char *format, ...)
{
    char problem[3072];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, sizeof problem, format, arguments);
    va_end(arguments);
    fail(STATUS_FAILED, "%s:%lld: %s", reader->corpus->files.items[reader->file], (long long)line, problem);
    if (!reader->corpus->settings.skip_errors)
        return STATUS_FAILED;
    ++*count;
    if (corpus_report_errors(&reader->report) <= WARNINGS)
        log_warning("%s", status_message());
    return STATUS_OK;
}

static enum status open_file(struct reader *reader)
{
    const char *path = reader->corpus->files.items[reader->file];
    TRY(stream_open(path, file_kind_of(path), &reader->stream));
    window_restart(&reader->window, reader->stream);
    reader->line = 1;
    reader->text.open = false;
    reader->text.any = false;
    TRY(window_fill(&reader->window, 3));
    if (reader->window.length >= 3 && memcmp(window_text(&reader->window), "\xEF\xBB\xBF", 3) == 0)
        window_drop(&reader->window, 3); /* byte order mark */
    return STATUS_OK;
}

/* Damage is told when everything before it was delivered. All readers meet it; one counts it. */
static enum status close_file(struct reader *reader)
{
    enum status status = STATUS_OK;
    const char *damage = reader_reached_limit(reader) ? NULL : stream_damage(reader->stream);
    if (damage != NULL && (reader->index == 0 || !reader->corpus->settings.skip_errors))
        status = reader_reject(reader, &reader->report.truncated, reader->line, "%s", damage);
    reader->position += stream_position(reader->stream);
    stream_close(reader->stream);
    reader->stream = NULL;
    reader->file++;
    return status;
}

enum status reader_next(struct reader *reader, struct document *out, bool *more)
{
    for (*more = false;;) {
        if (reader->stream == NULL) {
            if (reader->file == reader->corpus->files.count || reader_reached_limit(reader))
                return STATUS_OK;
            TRY(open_file(reader));
        }
        bool text = file_kind_of(reader->corpus->files.items[reader->file]).text;
        TRY(text ? plain_text_next(reader, out, more) : json_lines_next(reader, out, more));
        if (*more) {
            reader->report.documents += out->begins;
            reader->report.bytes += (int64_t)out->length;
            return STATUS_OK;
        }
        TRY(close_file(reader));
    }
}

int64_t reader_position(const struct reader *reader)
{
    return reader->position + (reader->stream != NULL ? stream_position(reader->stream) : 0);
}

const struct corpus_report *reader_report(const struct reader *reader)
{
    return &reader->report;
}

void reader_close(struct reader *reader)
{
    if (reader == NULL)
        return;
    json_free(reader->json);
    buffer_free(&reader->record);
    stream_close(reader->stream);
    window_free(&reader->window);
    memory_free(reader);
}
