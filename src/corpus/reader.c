/* The walk over the files of a corpus. A reader opens the files in which it has documents, or may have some,
 * and goes through them as the division says: from own segment to own segment, or from the beginning. With
 * max_documents every reader goes through everything, so that it knows how many documents came before. */
#include "llmpi/corpus/reader.h"

#include "llmpi/base/file.h"
#include "llmpi/base/log.h"
#include "llmpi/base/memory.h"
#include "llmpi/corpus/formats.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WARNINGS = 10 }; /* bad documents that each reader describes */

static enum status measure_files(struct corpus *corpus)
{
    int64_t count = corpus->files.count;
    corpus->starts = memory_allocate(count + 1, sizeof *corpus->starts, "the files of a corpus");
    corpus->is_array = memory_allocate(count, sizeof *corpus->is_array, "the files of a corpus");
    if (corpus->starts == NULL || corpus->is_array == NULL)
        return STATUS_FAILED;
    for (int64_t i = 0; i < count; i++) {
        const char *path = corpus->files.items[i];
        int64_t size = file_size(path);
        if (size < 0)
            return file_fail("read", path);
        if (!file_is_regular(path)) /* a pipe would be waited for, and can be read once only */
            return fail(STATUS_FAILED, "cannot read %s: it is no regular file", path);
        if (size > INT64_MAX / 2 - corpus->starts[i])
            return fail(STATUS_FAILED, "%s: the corpus has more than 2^62 bytes up to here", path);
        corpus->starts[i + 1] = corpus->starts[i] + size;
        if (size > 0 && file_kind_of(path).format == FORMAT_JSON)
            TRY(json_array_detect(path, &corpus->is_array[i]));
    }
    corpus->bytes = corpus->starts[count];
    return STATUS_OK;
}

enum status corpus_open(const struct corpus_settings *settings, struct corpus *out)
{
    *out = (struct corpus){.settings = *settings};
    enum status status = inputs_resolve(settings->inputs, &out->files);
    if (status == STATUS_OK)
        status = measure_files(out);
    if (status != STATUS_OK)
        corpus_close(out);
    return status;
}

void corpus_close(struct corpus *corpus)
{
    string_list_free(&corpus->files);
    memory_free(corpus->starts);
    memory_free(corpus->is_array);
    *corpus = (struct corpus){0};
}

bool corpus_is_divisible(const struct corpus *corpus, int64_t parts)
{
    struct division division;
    if (parts == 1)
        return true;
    if (corpus->settings.max_documents > 0 || division_make(corpus, parts, &division) != STATUS_OK)
        return false;
    bool divisible = division.walked == 0;
    division_free(&division);
    return divisible;
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

void corpus_report_log(const struct corpus_report *report)
{
    if (corpus_report_errors(report) > 0)
        log_info("skipped %" PRId64 " documents: %" PRId64 " invalid UTF-8, %" PRId64 " broken JSON, %" PRId64
                 " without text field, %" PRId64 " empty, %" PRId64 " truncated",
                 corpus_report_errors(report), report->invalid_utf8, report->broken_json,
                 report->missing_field, report->empty, report->truncated);
}

static void report_walked(const struct reader *reader)
{
    int64_t count = reader->division.walked;
    if (reader->index != 0 || reader->readers == 1 || count == 0 || reader->corpus->settings.quiet)
        return;
    const char *example = reader->corpus->files.items[reader->division.walked_example];
    if (count == 1)
        log_info(
            "%s cannot be split: each of %lld readers goes through all of it and keeps its own documents",
            example, (long long)reader->readers);
    else
        log_info("%lld inputs cannot be split, such as %s: each of %lld readers goes through all of them and "
                 "keeps its own documents",
                 (long long)count, example, (long long)reader->readers);
}

enum status reader_open(const struct corpus *corpus, int64_t parts, int64_t reader, int64_t readers,
                        struct reader **out)
{
    *out = NULL;
    if (parts < 1 || reader < 0 || reader >= readers)
        return fail(STATUS_FAILED,
                    "reader %lld of %lld for %lld parts: expected 0 <= reader < readers and a part",
                    (long long)reader, (long long)readers, (long long)parts);
    struct division division;
    TRY(division_make(corpus, parts, &division));
    struct reader *opened = memory_allocate(1, sizeof *opened, "a corpus reader");
    if (opened == NULL) {
        division_free(&division);
        return STATUS_FAILED;
    }
    *opened = (struct reader){.corpus = corpus, .division = division, .index = reader, .readers = readers};
    report_walked(opened);
    *out = opened;
    return STATUS_OK;
}

int64_t reader_part_here(const struct reader *reader)
{
    return division_part(&reader->division, reader->corpus, reader->file, reader->window.offset);
}

struct document reader_document(const struct reader *reader, int64_t position, int64_t part)
{
    return (struct document){
        .begins = true, .ends = true, .file = reader->file, .position = position, .part = part, .score = NAN};
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

void reader_count_lines(struct reader *reader, int64_t lines)
{
    reader->line += lines;
    reader->line_offset = reader->window.offset;
}

/* Where reading jumped, the lines that it passed over are counted only now. */
static enum status count_skipped_lines(struct reader *reader)
{
    if (reader->walks || reader->rows != NULL || reader->line_offset == reader->window.offset)
        return STATUS_OK;
    const char *path = reader->corpus->files.items[reader->file];
    struct stream *stream = NULL;
    TRY(stream_open(path, file_kind_of(path), &stream));
    enum status status = stream_seek(stream, reader->line_offset);
    int64_t left = reader->window.offset - reader->line_offset, lines = 0;
    while (status == STATUS_OK && left > 0) {
        char bytes[1 << 14];
        size_t wanted = left < (int64_t)sizeof bytes ? (size_t)left : sizeof bytes, got = 0;
        status = stream_read(stream, bytes, wanted, &got);
        for (size_t i = 0; i < got; i++)
            lines += bytes[i] == '\n';
        left = got == wanted ? left - (int64_t)got : 0;
    }
    stream_close(stream);
    reader_count_lines(reader, lines);
    return status;
}

enum status reader_skip(struct reader *reader, int64_t *count)
{
    ++*count;
    if (!reader->corpus->settings.skip_errors)
        return STATUS_FAILED;
    if (corpus_report_errors(&reader->report) <= WARNINGS && !reader->corpus->settings.quiet)
        log_warning("%s", status_message());
    return STATUS_OK;
}

enum status reader_reject(struct reader *reader, int64_t *count, int64_t lines, const char *format, ...)
{
    const struct corpus_settings *settings = &reader->corpus->settings;
    bool told = settings->quiet || corpus_report_errors(&reader->report) >= WARNINGS;
    if (settings->skip_errors && told) {
        ++*count; /* untold */
        return STATUS_OK;
    }
    char problem[3072];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, sizeof problem, format, arguments);
    va_end(arguments);
    TRY(count_skipped_lines(reader));
    const char *path = reader->corpus->files.items[reader->file];
    if (reader->rows != NULL)
        fail(STATUS_FAILED, "%s: row %lld: %s", path, (long long)parquet_rows_at(reader), problem);
    else
        fail(STATUS_FAILED, "%s:%lld: %s", path, (long long)(reader->line + lines), problem);
    return reader_skip(reader, count);
}

static enum corpus_format format_of(const struct reader *reader)
{
    return file_kind_of(reader->corpus->files.items[reader->file]).format;
}

/* Whether the open file must be read by this reader at all. */
static bool wants_file(const struct reader *reader)
{
    int64_t whole = reader->division.whole[reader->file], begin = 0, end = 0;
    if (reader->corpus->settings.max_documents > 0)
        return true; /* documents are counted */
    if (whole >= 0)
        return reader_owns(reader, whole);
    return format_of(reader) == FORMAT_PARQUET || !division_can_seek(reader->corpus, reader->file) ||
           reader_find_run(reader, 0, &begin, &end);
}

static enum status open_file(struct reader *reader)
{
    reader->is_open = true;
    if (format_of(reader) == FORMAT_PARQUET)
        return parquet_rows_open(reader);
    const char *path = reader->corpus->files.items[reader->file];
    TRY(stream_open(path, file_kind_of(path), &reader->stream));
    window_restart(&reader->window, reader->stream);
    reader->walks = reader->corpus->settings.max_documents > 0 || reader->division.whole[reader->file] >= 0 ||
                    !division_can_seek(reader->corpus, reader->file);
    reader->window.limit = reader->walks ? INT64_MAX : 0;
    reader->line = 1;
    reader->array.begun = reader->array.ended = false;
    reader->text.open = false;
    reader->text.any = false;
    TRY(window_fill(&reader->window, 3));
    if (reader->window.length >= 3 && memcmp(window_text(&reader->window), "\xEF\xBB\xBF", 3) == 0)
        window_drop(&reader->window, 3); /* byte order mark */
    reader->first = reader->line_offset = reader->window.offset;
    return STATUS_OK;
}

/* A file that became shorter would lose text silently. */
static enum status check_size(const struct reader *reader)
{
    const char *path = reader->corpus->files.items[reader->file];
    int64_t size = reader->corpus->starts[reader->file + 1] - reader->corpus->starts[reader->file];
    int64_t now = file_size(path);
    return now < 0 || now >= size
               ? STATUS_OK
               : fail(STATUS_FAILED, "%s has %lld bytes now, expected %lld as at the start", path,
                      (long long)now, (long long)size);
}

/* Damage is told when everything before it was delivered. Of the readers that may meet it, the one that has
 * the start of the file counts it. */
static enum status close_file(struct reader *reader)
{
    enum status status = STATUS_OK;
    const char *damage =
        reader->stream == NULL || reader_reached_limit(reader) ? NULL : stream_damage(reader->stream);
    bool counts = reader_owns(reader, division_part(&reader->division, reader->corpus, reader->file, 0));
    if (damage != NULL && (counts || !reader->corpus->settings.skip_errors))
        status = reader_reject(reader, &reader->report.truncated, 0, "%s", damage);
    if (status == STATUS_OK && !reader_reached_limit(reader))
        status = check_size(reader);
    parquet_rows_close(reader);
    stream_close(reader->stream);
    reader->stream = NULL;
    reader->is_open = false;
    reader->file++;
    return status;
}

static enum status next_document(struct reader *reader, struct document *out, bool *found)
{
    switch (format_of(reader)) {
    case FORMAT_PARQUET:
        return parquet_rows_next(reader, out, found);
    case FORMAT_TEXT:
        return plain_text_next(reader, out, found);
    default:
        return reader->corpus->is_array[reader->file] ? json_array_next(reader, out, found)
                                                      : json_lines_next(reader, out, found);
    }
}

enum status reader_next(struct reader *reader, struct document *out, bool *more)
{
    for (*more = false;;) {
        if (!reader->is_open) {
            if (reader->file == reader->corpus->files.count || reader_reached_limit(reader))
                return STATUS_OK;
            if (!wants_file(reader)) {
                reader->file++;
                continue;
            }
            TRY(open_file(reader));
        }
        TRY(next_document(reader, out, more));
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
    int64_t start = reader->corpus->starts[reader->file], position = 0;
    if (!reader->is_open)
        return start;
    int64_t size = reader->corpus->starts[reader->file + 1] - start;
    if (reader->rows != NULL)
        position = (int64_t)((double)size * parquet_rows_done(reader));
    else if (reader->stream != NULL)
        position = stream_position(reader->stream);
    return start + (position < size ? position : size);
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
    parquet_rows_close(reader);
    stream_close(reader->stream);
    window_free(&reader->window);
    division_free(&reader->division);
    memory_free(reader);
}
