/* Any bytes as a corpus of one file, read in several ways that must agree: without skip_errors reading fails
 * exactly where there are errors; each record is JSON with the document's text in it; three readers of five
 * parts together deliver the same documents and count the same errors as one reader.
 *
 * Parts are ranges of at least 64 KiB, far longer than inputs that a fuzzer makes. So one input in 64 (by its
 * digest) is stretched: blanks behind line ends move the lines apart. Three readers read these, and one other
 * input in eight: opening a reader, with buffers that the sanitizer marks byte by byte, costs more than
 * reading what is in them. */
#ifndef TESTS_FUZZ_CORPUS_INPUT_H
#define TESTS_FUZZ_CORPUS_INPUT_H

#include "harness.h"

#include "llmpi/base/buffer.h"
#include "llmpi/base/digest.h"
#include "llmpi/base/json.h"
#include "llmpi/corpus/reader.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { STRETCHED = 64, DIVIDED = 8 }; /* one input in that many */

static char corpus_input_folder[256];

static inline void corpus_input_remove(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", corpus_input_folder);
    require(system(command) == 0, "the folder of the input cannot be removed");
}

/* Writes the bytes as a file with this ending, in memory where TMPDIR or /dev/shm is, and returns its path.
 */
static inline const char *corpus_input_write(const char *ending, const void *data, size_t length)
{
    static char path[300];
    if (corpus_input_folder[0] == '\0') {
        const char *above = getenv("TMPDIR");
        snprintf(corpus_input_folder, sizeof corpus_input_folder, "%.200s/llmpi-fuzz-XXXXXX",
                 above != NULL ? above : "/dev/shm");
        require(mkdtemp(corpus_input_folder) != NULL, "no folder for the input");
        atexit(corpus_input_remove);
    }
    snprintf(path, sizeof path, "%s/input%s", corpus_input_folder, ending);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(descriptor >= 0 && write(descriptor, data, length) == (ssize_t)length && close(descriptor) == 0,
            "the input cannot be written");
    return path;
}

/* What some readers delivered, in an order that does not depend on who read it. */
struct corpus_input_result {
    enum status status;
    int64_t pieces;
    uint64_t sum; /* of digests of (position, offset in the document, text): the order does not matter */
    struct corpus_report report;
};

static inline void corpus_input_check_record(const struct document *piece, const char *field)
{
    struct json *record = NULL;
    size_t length = 0;
    require(piece->record != NULL && memchr(piece->record, '\n', piece->record_length) == NULL,
            "a record is missing or has a line end");
    require(json_parse(piece->record, piece->record_length, &record) == STATUS_OK, "a record is no JSON");
    const char *text = json_get_text(json_get_member(record, field), &length);
    require(text != NULL && length == piece->length && memcmp(text, piece->text, length) == 0,
            "a record has another text than its document");
    json_free(record);
}

static inline void corpus_input_add(struct corpus_input_result *result, const struct document *piece,
                                    int64_t offset)
{
    uint64_t parts[] = {(uint64_t)piece->file, (uint64_t)piece->position, (uint64_t)offset,
                        digest_bytes(piece->text, piece->length), (uint64_t)piece->ends};
    result->sum += digest_bytes(parts, sizeof parts);
    result->pieces++;
}

/* Everything that one reader delivers. */
static inline void corpus_input_read(const struct corpus *corpus, int64_t parts, int64_t index,
                                     int64_t readers, struct corpus_input_result *result)
{
    struct reader *reader = NULL;
    struct document piece;
    bool more = false, inside = false;
    int64_t offset = 0;
    result->status = reader_open(corpus, parts, index, readers, &reader);
    while (result->status == STATUS_OK &&
           (result->status = reader_next(reader, &piece, &more)) == STATUS_OK && more) {
        require(piece.begins != inside,
                "a document begins inside of another, or goes on without a beginning");
        require(piece.length > 0 || !piece.begins, "a document without text");
        require(piece.part >= 0 && piece.part < parts && piece.part % readers == index,
                "a document of another reader's part");
        inside = !piece.ends;
        offset = piece.begins ? 0 : offset;
        if (corpus->settings.whole_records)
            corpus_input_check_record(&piece, corpus->settings.text_field);
        corpus_input_add(result, &piece, offset);
        offset += (int64_t)piece.length;
    }
    require(result->status != STATUS_OK || !inside, "a document without an end");
    require_reason(result->status);
    if (reader != NULL)
        corpus_report_add(&result->report, reader_report(reader));
    reader_close(reader);
}

/* Everything that `readers` readers deliver. */
static inline struct corpus_input_result corpus_input_read_all(const struct corpus_settings *settings,
                                                               int64_t parts, int64_t readers)
{
    struct corpus_input_result result = {0};
    struct corpus corpus;
    require(corpus_open(settings, &corpus) == STATUS_OK, "the input cannot be opened");
    for (int64_t index = 0; index < readers && result.status == STATUS_OK; index++)
        corpus_input_read(&corpus, parts, index, readers, &result);
    corpus_close(&corpus);
    return result;
}

static inline void corpus_input_stretch(const uint8_t *data, size_t size, struct buffer *out)
{
    enum { BLANKS = 3 << 14, LINES = 2 };
    static char blanks[BLANKS];
    memset(blanks, ' ', sizeof blanks);
    int lines = 0;
    for (size_t i = 0; i < size; i++) {
        require(buffer_append(out, data + i, 1) == STATUS_OK, "memory");
        if (data[i] == '\n' && lines++ < LINES)
            require(buffer_append(out, blanks, sizeof blanks) == STATUS_OK, "memory");
    }
}

/* The same documents and errors from three readers as from one. */
static inline void corpus_input_check_parts(const struct corpus_settings *settings,
                                            const struct corpus_input_result *whole)
{
    struct corpus_input_result divided = corpus_input_read_all(settings, 5, 3);
    require(divided.status == STATUS_OK && divided.pieces == whole->pieces && divided.sum == whole->sum,
            "three readers deliver other documents than one");
    require(memcmp(&divided.report, &whole->report, sizeof divided.report) == 0,
            "three readers count something else than one");
}

/* Checks everything above. `lines` says that the file consists of lines and may be stretched. */
static inline void corpus_input_check(const char *ending, const char *separator, bool lines,
                                      const uint8_t *data, size_t size)
{
    struct buffer longer = {0};
    uint64_t draw = digest_bytes(data, size);
    if (lines && draw % STRETCHED == 0) {
        corpus_input_stretch(data, size, &longer);
        data = (const uint8_t *)longer.data;
        size = longer.length;
    }
    char *path = (char *)(uintptr_t)corpus_input_write(ending, data, size);
    struct corpus_settings settings = {.inputs = &(struct string_list){&path, 1},
                                       .text_field = "text",
                                       .document_separator = separator,
                                       .skip_errors = true,
                                       .whole_records = true,
                                       .score_field = "score"};
    struct corpus_input_result whole = corpus_input_read_all(&settings, 1, 1);
    require(whole.status == STATUS_OK, "errors are to be skipped, but reading fails");
    if (draw % DIVIDED == 0)
        corpus_input_check_parts(&settings, &whole);
    settings.skip_errors = false;
    struct corpus_input_result strict = corpus_input_read_all(&settings, 1, 1);
    require((strict.status == STATUS_OK) == (corpus_report_errors(&whole.report) == 0),
            "reading fails without errors, or does not fail with them");
    buffer_free(&longer);
}

#endif
