/* Parquet files as inputs of the corpus reader: texts, records and scores against the same content as JSON
 * lines, division over readers, errors and damage. The files were written by other programs. */
#include "llmpi/base/buffer.h"
#include "llmpi/base/file.h"
#include "llmpi/base/json.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/corpus/writer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reading.h"

#define FOLDER "fineweb/parquet"

/* What both files have of each document. */
struct entry {
    struct buffer text, record;
    double score;
};

static int64_t read_entries(const char *path, struct entry *entries, int64_t most)
{
    struct corpus_settings settings = settings_of(path);
    settings.whole_records = true;
    settings.score_field = "language_score";
    struct corpus corpus;
    struct reader *reader;
    struct document document;
    bool more;
    int64_t count = 0;
    assert_int_equal(corpus_open(&settings, &corpus), STATUS_OK);
    assert_int_equal(reader_open(&corpus, 1, 0, 1, &reader), STATUS_OK);
    while (assert_int_equal(reader_next(reader, &document, &more), STATUS_OK), more) {
        assert_true(count < most);
        entries[count].score = document.score;
        buffer_append(&entries[count].text, document.text, document.length);
        buffer_append(&entries[count++].record, document.record, document.record_length);
    }
    reader_close(reader);
    corpus_close(&corpus);
    return count;
}

static enum status compare_member(void *context, const char *name, size_t length, const struct json *value)
{
    (void)length;
    const struct json *other = json_get_member(context, name);
    double a = 0, b = 0;
    size_t a_length = 0, b_length = 0;
    const char *a_text = json_get_text(value, &a_length), *b_text = json_get_text(other, &b_length);
    assert_int_equal(json_kind(value), json_kind(other));
    assert_int_equal(a_length, b_length);
    if (a_length > 0)
        assert_memory_equal(a_text, b_text, a_length);
    assert_int_equal(json_get_number(value, &a), json_get_number(other, &b));
    assert_true(a == b);
    return STATUS_OK;
}

static void assert_same_members(const struct buffer *a, const struct buffer *b)
{
    struct json *x, *y;
    assert_int_equal(json_parse(a->data, a->length, &x), STATUS_OK);
    assert_int_equal(json_parse(b->data, b->length, &y), STATUS_OK);
    assert_int_equal(json_each(x, compare_member, y), STATUS_OK);
    assert_int_equal(json_each(y, compare_member, x), STATUS_OK);
    json_free(x);
    json_free(y);
}

static void test_same_as_json_lines(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    static const char *const names[] = {"ccnet20.jsonl", "ccnet20.gzip.parquet", "ccnet20.none.parquet"};
    struct entry entries[3][COUNT] = {0};
    for (int f = 0; f < 3; f++) {
        char name[100];
        snprintf(name, sizeof name, FOLDER "/%s", names[f]);
        const char *path = test_data(name);
        if (path == NULL)
            skip();
        assert_int_equal(read_entries(path, entries[f], COUNT), COUNT);
    }
    for (int f = 1; f < 3; f++)
        for (int i = 0; i < COUNT; i++) {
            assert_string_equal(entries[f][i].text.data, entries[0][i].text.data);
            assert_true(entries[f][i].score == entries[0][i].score);
            assert_same_members(&entries[0][i].record, &entries[f][i].record);
        }
    for (int f = 0; f < 3; f++)
        for (int i = 0; i < COUNT; i++) {
            buffer_free(&entries[f][i].text);
            buffer_free(&entries[f][i].record);
        }
}

static void test_readers_divide_rows(void **state)
{
    (void)state;
    const char *path = test_data(FOLDER);
    if (path == NULL)
        skip();
    char pattern[1100];
    snprintf(pattern, sizeof pattern, "%s/*.parquet", path);
    struct corpus_settings settings = settings_of(pattern);
    struct run alone = read_all(&settings, 6, 1);
    assert_int_equal(alone.status, STATUS_OK);
    assert_int_equal(alone.count, 4 * 100 + 2 * 20 + 2 * 400);
    for (int64_t readers = 2; readers <= 5; readers++) {
        struct run many = read_all(&settings, 6, readers);
        assert_same(&alone, &many);
        run_free(&many);
    }
    static const int64_t limits[] = {1, 100, 101, 439, 1239};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        settings.max_documents = limits[i];
        struct run some = read_all(&settings, 6, 3);
        assert_int_equal(some.count, limits[i]);
        for (int64_t n = 0; n < some.count; n++)
            assert_string_equal(some.documents[n].text.data, alone.documents[n].text.data);
        run_free(&some);
    }
    run_free(&alone);
}

static void test_wrong_columns(void **state)
{
    (void)state;
    const char *path = test_data(FOLDER "/ccnet20.none.parquet");
    if (path == NULL)
        skip();
    static const struct {
        const char *field, *message;
    } cases[] = {
        {"body", ": no column \"body\", the columns are \"text\", \"id\", \"dump\", \"url\", \"date\", "
                 "\"file_path\", \"language\", \"language_score\", \"token_count\""},
        {"token_count", ": column \"token_count\" is integers, expected text; the columns are \"text\", "},
    };
    for (size_t i = 0; i < 2; i++) {
        struct corpus_settings settings = settings_of(path);
        settings.text_field = cases[i].field;
        struct run run = read_all(&settings, 2, 2);
        assert_int_equal(run.status, STATUS_FAILED);
        assert_memory_equal(status_message(), path, strlen(path));
        assert_memory_equal(status_message() + strlen(path), cases[i].message, strlen(cases[i].message));
        run_free(&run);
        settings.skip_errors = true;
        run = read_all(&settings, 2, 2);
        assert_int_equal(run.status, STATUS_OK);
        assert_int_equal(run.report.missing_field, 1);
        assert_int_equal(run.count, 0);
        run_free(&run);
    }
}

static void read_damaged(const struct buffer *file, bool skip, int64_t readers, struct run *out)
{
    struct corpus_settings settings = settings_of(scratch_write("bad.parquet", file->data, file->length));
    settings.skip_errors = skip;
    *out = read_all(&settings, 6, readers);
}

/* A bit flipped in every 40,000 bytes or so: what is lost does not depend on the number of readers, and what
 * is left is right. */
static void test_damage(void **state)
{
    (void)state;
    const char *path = test_data(FOLDER "/fineweb400.zstd.rg100.parquet");
    if (path == NULL)
        skip();
    struct buffer file = {0};
    struct run good, one, many;
    assert_int_equal(file_read(path, &file), STATUS_OK);
    read_damaged(&file, false, 1, &good);
    assert_int_equal(good.count, 400);
    int64_t found = 0;
    for (size_t at = 100; at < file.length; at += file.length / 12) {
        file.data[at] ^= 0x20;
        read_damaged(&file, true, 1, &one);
        read_damaged(&file, true, 3, &many);
        assert_int_equal(one.status, STATUS_OK);
        assert_same(&one, &many);
        assert_memory_equal(&one.report, &many.report, sizeof one.report);
        assert_true(one.count == 400 || one.report.truncated > 0);
        found += one.report.truncated > 0;
        run_free(&one);
        run_free(&many);
        read_damaged(&file, false, 1, &one);
        assert_true(one.status == STATUS_FAILED || one.count == 400);
        run_free(&one);
        file.data[at] ^= 0x20;
    }
    assert_true(found > 0);
    file.length -= 1000; /* no footer */
    read_damaged(&file, true, 3, &many);
    assert_int_equal(many.count, 0);
    assert_int_equal(many.report.truncated, 1);
    run_free(&many);
    run_free(&good);
    buffer_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_json_lines),
        cmocka_unit_test(test_readers_divide_rows),
        cmocka_unit_test(test_wrong_columns),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
