/* Stories by rule.
 *
 * How the small world works. A story has a register (fairy tale, bedtime story, diary, letter, news, report,
 * conversation, plain story, memory) and a plot (something is lost, a birthday, a journey, ...). The plot is
 * a short program over the state of a small world: who takes part, what things there are and what for, where
 * each place is and what may lie there, how the weather is. It lets one event after the other happen, and
 * each event is told by one of several sentence frames (story_setting.c, story_day.c, story_long.c), which
 * show the state through slots. What is remembered (names, things, places, the weather) is drawn once and
 * stays; a frame that needs a fact to be true (rain, a pet, one day only) is used only when it is. So a story
 * does not contradict itself.
 *
 * All is told in the past tense, in which the first and the third person have the same verb forms; so one set
 * of frames serves "I" and "he". The hero and the friend have different pronouns, the grown-up is always
 * named.
 *
 * Every choice is made by story_choose, which adds its log2(n) to the bits; the choices depend on (seed,
 * number) alone. Two choices that lead to the same text count twice, so the sum is an upper bound of the
 * text's entropy. */
#include "llmpi/corpus/story.h"

#include "llmpi/base/json.h"
#include "llmpi/base/random.h"
#include "story_parts.h"

#include <ctype.h>
#include <inttypes.h>

/* Who tells a story in each register; animals may be heroes of tales. */
static const struct {
    enum pool_name opening, closing;
    unsigned person; /* FIRST or THIRD once the story has begun */
    bool animals;
} registers[] = {
    {TALE_OPENING, TALE_CLOSING, THIRD, true},          {BEDTIME_OPENING, BEDTIME_CLOSING, THIRD, true},
    {DIARY_OPENING, DIARY_CLOSING, FIRST, false},       {LETTER_OPENING, LETTER_CLOSING, FIRST, false},
    {NEWS_OPENING, NEWS_CLOSING, THIRD, false},         {REPORT_OPENING, REPORT_CLOSING, THIRD, false},
    {DIALOGUE_OPENING, DIALOGUE_CLOSING, FIRST, false}, {PLAIN_OPENING, PLAIN_CLOSING, THIRD, false},
    {MEMORY_OPENING, MEMORY_CLOSING, FIRST, false},
};
static const int register_count = sizeof registers / sizeof *registers;

enum status story_write(uint64_t seed, int64_t number, struct buffer *out, double *bits)
{
    return story_tell(seed, number, out, bits, NULL);
}

enum status story_tell(uint64_t seed, int64_t number, struct buffer *out, double *bits, struct buffer *notes)
{
    enum { LONGEST = 4096 };
    TRY(buffer_reserve(out, LONGEST));
    struct story story = {
        .seed = seed,
        .stream = (uint64_t)RANDOM_STORY + ((uint64_t)number << 32),
        .out = out,
        .notes = notes,
        .start = out->length,
        .paragraph = true,
    };
    const struct plot *plot = &story_plots[story_choose(&story, story_plot_count)];
    int form = story_choose(&story, register_count);
    bool animals = registers[form].animals && (plot->facts & HUMAN) == 0 && story_choose(&story, 2) == 0;
    story_begin_world(&story,
                      (plot->facts & (ONE_DAY | LONG)) | (animals ? ANIMAL : HUMAN) | registers[form].person,
                      plot->seasons);
    story.seasons_later = plot->later;
    bool aloud = registers[form].opening == DIALOGUE_OPENING;
    story_say(&story, registers[form].opening);
    if (aloud) {
        story_end_paragraph(&story);
        story.facts |= QUOTED;
    }
    story_say(&story, WEATHER);
    plot->tell(&story);
    if (aloud || story_choose(&story, 2) == 0)
        story_end_paragraph(&story);
    story.facts &= ~(unsigned)QUOTED;
    story_say(&story, registers[form].closing);
    *bits += story.bits;
    return story.status;
}

/* Words and punctuation marks, the way a reader would count them. */
static int64_t count_tokens(const char *text, size_t length)
{
    int64_t tokens = 0;
    bool inside = false;
    for (size_t i = 0; i < length; i++) {
        bool letter = isalnum((unsigned char)text[i]) || text[i] == '\'' || text[i] == '-';
        tokens += letter ? !inside : !isspace((unsigned char)text[i]);
        inside = letter;
    }
    return tokens;
}

enum status story_write_line(uint64_t seed, int64_t number, const char *text, size_t length,
                             struct buffer *out)
{
    TRY(buffer_append(out, "{\"text\":", 8));
    TRY(json_write_text(out, text, length));
    return buffer_printf(
        out,
        ",\"id\":\"llmpi:story:%" PRIu64 ":%" PRId64 "\",\"dump\":\"LLMPI-STORIES\",\"url\":"
        "\"https://stories.invalid/%" PRIu64 "/%" PRId64 "\",\"date\":\"2026-01-01T00:00:00Z\","
        "\"file_path\":\"stories/%" PRIu64 ".jsonl\",\"language\":\"en\",\"language_score\":1.0,"
        "\"token_count\":%" PRId64 "}\n",
        seed, number, seed, number, seed, count_tokens(text, length));
}

enum status story_write_json(uint64_t seed, int64_t number, struct buffer *out, double *bits,
                             int64_t *text_bytes)
{
    struct buffer text = {0};
    enum status status = story_write(seed, number, &text, bits);
    if (status == STATUS_OK) {
        *text_bytes += (int64_t)text.length;
        status = story_write_line(seed, number, text.data, text.length, out);
    }
    buffer_free(&text);
    return status;
}
