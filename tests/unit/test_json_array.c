/* Files that are one JSON array: elements, their places and records, errors, division over readers. */
#include "llmpi/base/buffer.h"
#include "llmpi/base/file.h"
#include "llmpi/base/random.h"
#include "llmpi/corpus/reader.h"
#include "llmpi/corpus/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reading.h"

static void test_elements(void **state)
{
    (void)state;
    ASSERT_DOCUMENTS("a.json", "[]", NULL, NULL);
    ASSERT_DOCUMENTS("a.json", "\xEF\xBB\xBF \n[ \r\n]\n ", NULL, NULL);
    ASSERT_DOCUMENTS(
        "a.json",
        "[{\"text\": \"a]\\\",}\"}, \"b\\\\\" ,\n{\n\"text\":\"c\",\"x\":[[1,2],{\"y\":\"}\"}]}]\n\n", NULL,
        "a]\",}", "b\\", "c");
    ASSERT_DOCUMENTS("a.json", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n", NULL, "a", "b");
}

static void test_bad_arrays(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        int64_t good;
    } cases[] = {
        {"[\n{\"text\": \"a\"},\n3\n, \"b\"]",
         ":3: broken JSON: found a number, expected an object or a string as each element", 2},
        {"[{\"text\": \"a\"},\n{\"body\": \"b\"}]", ":2: no member \"text\", found \"body\"", 1},
        {"[\"a\",\n\"\"]", ":2: empty document: the element has no text", 1},
        {"[\"a\", \"\xFF\"]", ":1: invalid UTF-8: byte 0xFF at column 2 of the element", 1},
        {"[{\"text\": \"a\"},\n\n\"b]", ":3: broken JSON: the file ends inside the array", 1},
        {"[\"a\"\n", ":1: broken JSON: the file ends inside the array", 0},
        {"[", ":1: broken JSON: the file ends inside the array", 0},
        {"[\"a\"]\n]", ":2: broken JSON: something follows the array", 1},
        {"[]\n[]", ":2: broken JSON: something follows the array", 0},
        {"[\"a\", ]", ":1: broken JSON: column 1: ", 1},
        {"[\"a\" \"b\"]", ":1: broken JSON: column 5: ", 0},
        {"[}}, \"a\"]", ":1: broken JSON: column 1: ", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[400];
        snprintf(expected, sizeof expected, "%s%s", scratch_path("b.json"), cases[i].message);
        struct run run = read_bytes("b.json", cases[i].text, strlen(cases[i].text), NULL, false);
        assert_int_equal(run.status, STATUS_FAILED);
        assert_memory_equal(status_message(), expected, strlen(expected));
        run_free(&run);
        run = read_bytes("b.json", cases[i].text, strlen(cases[i].text), NULL, true);
        assert_int_equal(run.status, STATUS_OK);
        assert_int_equal(run.count, cases[i].good);
        assert_int_equal(corpus_report_errors(&run.report), 1);
        run_free(&run);
    }
}

static void test_records(void **state)
{
    (void)state;
    static const char text[] = "[\n  {\n\t\"text\": \"a\",\r\n  \"n\": 1\n  },\n  \"b\"\n]\n";
    static const char *const records[] = {"{  \"text\": \"a\",    \"n\": 1   }", "{\"text\": \"b\"}"};
    static const int64_t positions[] = {4, 37};
    struct corpus_settings settings = settings_of(scratch_write("r.json", text, sizeof text - 1));
    settings.whole_records = true;
    struct corpus corpus;
    struct reader *reader;
    struct document document;
    bool more;
    assert_int_equal(corpus_open(&settings, &corpus), STATUS_OK);
    assert_int_equal(reader_open(&corpus, 1, 0, 1, &reader), STATUS_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(reader_next(reader, &document, &more), STATUS_OK);
        assert_true(more);
        assert_int_equal(document.position, positions[i]);
        assert_int_equal(document.record_length, strlen(records[i]));
        assert_memory_equal(document.record, records[i], document.record_length);
    }
    assert_int_equal(reader_next(reader, &document, &more), STATUS_OK);
    assert_false(more);
    reader_close(reader);
    corpus_close(&corpus);
}

/* Elements over several fillings of the window, plain and compressed, for 1 to 4 readers and with a limit. */
static void test_division(void **state)
{
    (void)state;
    static const char *const names[] = {"d.json", "d.json.gz", "d.json.zst"};
    struct buffer text = {0};
    enum { COUNT = 700 };
    for (int n = 0; n < COUNT; n++)
        buffer_printf(&text, "%s{\"text\":\n \"%0*d [{\\\\\"}", n == 0 ? "[" : ",\n",
                      (int)(1 + random_below(1, 2, (uint64_t)n, 9000)), n);
    buffer_printf(&text, "]\n");
    for (int i = 0; i < 3; i++) {
        write_with_ending(scratch_path(names[i]), &text);
        struct corpus_settings settings = settings_of(scratch_path(names[i]));
        struct run alone = read_all(&settings, 4, 1);
        assert_int_equal(alone.status, STATUS_OK);
        assert_int_equal(alone.count, COUNT);
        for (int n = 0; n < COUNT; n++)
            assert_int_equal(strtoll(alone.documents[n].text.data, NULL, 10), n);
        for (int64_t readers = 2; readers <= 4; readers++) {
            struct run many = read_all(&settings, 4, readers);
            assert_same(&alone, &many);
            run_free(&many);
        }
        settings.max_documents = 333;
        struct run some = read_all(&settings, 4, 3);
        assert_int_equal(some.count, 333);
        run_free(&some);
        run_free(&alone);
    }
    buffer_free(&text);
}

static void test_real_arrays(void **state)
{
    (void)state;
    const char *path = test_data("text/tinystories-1000.json");
    if (path == NULL)
        skip();
    struct corpus_settings settings = settings_of(path);
    struct run run = read_all(&settings, 4, 2);
    assert_int_equal(run.status, STATUS_OK);
    assert_int_equal(run.count, 1000);
    assert_int_equal(run.report.bytes, 950799); /* counted with Python's json */
    run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements), cmocka_unit_test(test_bad_arrays),  cmocka_unit_test(test_records),
        cmocka_unit_test(test_division), cmocka_unit_test(test_real_arrays),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
