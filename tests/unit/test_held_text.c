/* What is passed on of a text that comes in pieces. */
#include "llmpi/train/held_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct buffer sent;

static enum status take(void *context, const char *text, size_t length)
{
    (void)context;
    return buffer_append(&sent, text, length);
}

static char *stop_items[3];

static struct string_list stops(const char *first, const char *second)
{
    stop_items[0] = (char *)(size_t)first;
    stop_items[1] = (char *)(size_t)second;
    return (struct string_list){stop_items, second != NULL ? 2 : 1};
}

/* Adds a piece; `expected` is all that was sent so far. */
static void piece(struct buffer *held, const struct string_list *list, const char *text, bool last,
                  const char *expected, bool expect_stop)
{
    bool stopped;
    assert_int_equal(buffer_append(held, text, strlen(text)), STATUS_OK);
    assert_int_equal(held_text_send(held, list, last, take, NULL, &stopped), STATUS_OK);
    assert_int_equal(stopped, expect_stop);
    assert_string_equal(sent.length > 0 ? sent.data : "", expected);
}

static int clear(void **state)
{
    (void)state;
    buffer_free(&sent);
    return 0;
}

static void test_characters_are_whole(void **state)
{
    (void)state;
    struct buffer held = {0};
    piece(&held, NULL, "a\xc3", false, "a", false);
    piece(&held, NULL, "\xa9\xe2\x82", false, "a\xc3\xa9", false);
    piece(&held, NULL, "\xacz", false, "a\xc3\xa9\xe2\x82\xacz", false);
    piece(&held, NULL, "\xff\xf0\x9f", false, "a\xc3\xa9\xe2\x82\xacz\xff", false); /* ff begins nothing */
    piece(&held, NULL, "", true, "a\xc3\xa9\xe2\x82\xacz\xff\xf0\x9f", false);
    buffer_free(&held);
}

static void test_a_stop_across_pieces(void **state)
{
    (void)state;
    struct buffer held = {0};
    struct string_list list = stops("\n\nUser:", NULL);
    piece(&held, &list, "Yes.\n", false, "Yes.", false);
    piece(&held, &list, "\nUs", false, "Yes.", false);
    piece(&held, &list, "e it.\n\nUse", false, "Yes.\n\nUse it.", false);
    piece(&held, &list, "r: more", false, "Yes.\n\nUse it.", true);
    buffer_free(&held);
}

/* The end of a false start may be the start of the true one. */
static void test_overlapping_starts(void **state)
{
    (void)state;
    struct buffer held = {0};
    struct string_list list = stops("aab", NULL);
    piece(&held, &list, "xa", false, "x", false);
    piece(&held, &list, "a", false, "x", false);
    piece(&held, &list, "a", false, "xa", false);
    piece(&held, &list, "b", false, "xa", true);
    buffer_free(&held);
}

static void test_the_first_of_several(void **state)
{
    (void)state;
    struct buffer held = {0};
    struct string_list list = stops("cd", "bcde");
    piece(&held, &list, "ab", false, "a", false); /* may be the second */
    piece(&held, &list, "cdef", false, "a", true);
    buffer_free(&held);
}

static void test_the_end_sends_what_was_held(void **state)
{
    (void)state;
    struct buffer held = {0};
    struct string_list list = stops("<end>", NULL);
    piece(&held, &list, "text <e", false, "text ", false);
    piece(&held, &list, "", true, "text <e", false);
    buffer_free(&held);
}

static void test_a_stop_inside_a_character(void **state)
{
    (void)state;
    struct buffer held = {0};
    struct string_list list = stops("\xa9!", NULL); /* the second byte of e with an accent, and a mark */
    piece(&held, &list, "\xc3\xa9", false, "", false);
    piece(&held, &list, "?", false, "\xc3\xa9?", false);
    buffer_free(&held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_characters_are_whole, clear),
        cmocka_unit_test_teardown(test_a_stop_across_pieces, clear),
        cmocka_unit_test_teardown(test_overlapping_starts, clear),
        cmocka_unit_test_teardown(test_the_first_of_several, clear),
        cmocka_unit_test_teardown(test_the_end_sends_what_was_held, clear),
        cmocka_unit_test_teardown(test_a_stop_inside_a_character, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
