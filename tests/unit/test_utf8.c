/* UTF-8: every character there is, and every way to be wrong. */
#include "llmpi/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_all_characters(void **state)
{
    (void)state;
    for (uint32_t character = 0; character <= 0x10FFFF; character++) {
        if (character >= 0xD800 && character <= 0xDFFF)
            continue;
        char bytes[4];
        uint32_t back = 0;
        int size = utf8_encode(character, bytes);
        int expected = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
        if (size != expected || utf8_decode(bytes, 4, &back) != size || back != character ||
            utf8_decode(bytes, (size_t)size - 1, &back) != 0 || utf8_find_invalid(bytes, (size_t)size) != -1)
            fail_msg("U+%04X", character);
    }
}

/* Pairs and triples of bytes, against table 3-7 of the Unicode standard. */
static void test_all_short_sequences(void **state)
{
    (void)state;
    for (unsigned first = 0x80; first < 0x100; first++)
        for (unsigned second = 0; second < 0x100; second++) {
            char bytes[4] = {(char)first, (char)second, (char)0x80, (char)0x80};
            uint32_t character;
            unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
            unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
            int size = second < low || second > high ? 0
                       : first < 0xC2                ? 0
                       : first < 0xE0                ? 2
                       : first < 0xF0                ? 3
                       : first < 0xF5                ? 4
                                                     : 0;
            if (utf8_decode(bytes, 4, &character) != size)
                fail_msg("%02X %02X", first, second);
        }
}

static void test_place_of_the_first_fault(void **state)
{
    (void)state;
    char text[100];
    for (size_t length = 1; length <= sizeof text; length++)
        for (size_t bad = 0; bad < length; bad++) {
            memset(text, 'a', sizeof text);
            text[bad] = (char)0xFF;
            assert_int_equal(utf8_find_invalid(text, length), bad);
            text[bad] = (char)0xE2; /* the start of a longer character that does not come */
            assert_int_equal(utf8_find_invalid(text, length), bad);
        }
    assert_int_equal(utf8_find_invalid("abcdefg\xC3\xA9hijklmnop\xE4\xB8\xAD", 21), -1);
    assert_int_equal(utf8_find_invalid("abcdefg\xC3\xA9hijklmnop\xE4\xB8\xAD", 20), 18);
    assert_int_equal(utf8_find_invalid("", 0), -1);
    assert_int_equal(utf8_find_invalid("a\0b", 3), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_characters),
        cmocka_unit_test(test_all_short_sequences),
        cmocka_unit_test(test_place_of_the_first_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
