/* Choices and sentences. A frame is text with slots {name} and choices [this|that], which may be nested; it
 * is read once from left to right. The article {a} waits for the next word and takes its form from it; a slot
 * whose name starts with a capital gives the word a capital. */
#include "story_parts.h"

#include "llmpi/base/random.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

int story_choose(struct story *story, int n)
{
    if (n == 1)
        return 0;
    story->bits += log2(n);
    return (int)random_below(story->seed, story->stream, story->index++, (uint64_t)n);
}

int story_draw_row(struct story *story, uint64_t *used, int n)
{
    int taken = __builtin_popcountll(*used);
    if (2 * taken >= n) {
        *used = 0;
        taken = 0;
    }
    int left = story_choose(story, n - taken), row = 0;
    for (; (*used >> row & 1) != 0 || left > 0; row++)
        if ((*used >> row & 1) == 0)
            left--;
    *used |= (uint64_t)1 << row;
    return row;
}

const char *story_draw(struct story *story, enum category category)
{
    const struct words *words = &story_words[category];
    return words->items[story_draw_row(story, &story->drawn[category], words->count)];
}

/* True when "an" goes before the word: a vowel sound, which is a vowel letter but for a few words. */
static bool takes_an(const char *word, size_t length)
{
    static const char *const silent[] = {"honest", "hour", "heir"}, *const consonant[] = {"one", "uni", "use",
                                                                                          "eu"};
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        if (length >= strlen(silent[i]) && strncasecmp(word, silent[i], strlen(silent[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof consonant / sizeof *consonant; i++)
        if (length >= strlen(consonant[i]) && strncasecmp(word, consonant[i], strlen(consonant[i])) == 0)
            return false;
    return length > 0 && strchr("aeiouAEIOU", word[0]) != NULL;
}

static void append(struct story *story, const char *text, size_t length)
{
    if (story->status == STATUS_OK)
        story->status = buffer_append(story->out, text, length);
}

void story_emit(struct story *story, const char *text, size_t length)
{
    if (length == 0)
        return;
    if (story->article) {
        story->article = false;
        bool an = takes_an(text, length);
        story_emit(story, an ? "an " : "a ", an ? 3 : 2);
    }
    if (story->capital) {
        char first = (char)toupper((unsigned char)text[0]);
        append(story, &first, 1);
        text++;
        length--;
        story->capital = false;
    }
    append(story, text, length);
}

void story_take_note(struct story *story, struct story_note note, bool article)
{
    if (story->notes == NULL || story->status != STATUS_OK || story->out->length == note.begin)
        return;
    if (article)
        note.begin += story->out->data[note.begin + 1] == ' ' ? 2 : 3;
    note.end = story->out->length;
    story->status = buffer_append(story->notes, &note, sizeof note);
}

void story_emit_fact(struct story *story, const char *slot, const char *text)
{
    struct story_note note = {.slot = slot, .begin = story->out->length};
    bool article = story->article;
    story_emit(story, text, strlen(text));
    story_take_note(story, note, article);
}

/* The end of the bracket that opens at `text`: the place of its closing mate, with the number of its choices.
 */
static size_t bracket_end(const char *text, size_t length, int *choices)
{
    int depth = 0;
    *choices = 1;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '[')
            depth++;
        else if (text[i] == '|' && depth == 1)
            ++*choices;
        else if (text[i] == ']' && --depth == 0)
            return i;
    }
    return length;
}

/* The choice with the given number of a bracket's inside. */
static const char *bracket_choice(const char *inside, size_t length, int number, size_t *size)
{
    int depth = 0;
    size_t begin = 0, i = 0;
    for (; i < length; i++) {
        depth += (inside[i] == '[') - (inside[i] == ']');
        if (inside[i] == '|' && depth == 0) {
            if (number-- == 0)
                break;
            begin = i + 1;
        }
    }
    *size = i - begin;
    return inside + begin;
}

/* Expands the bracket or slot at the start of `text`; returns how many bytes it took. */
static size_t expand_one(struct story *story, const char *text, size_t length)
{
    if (text[0] == '[') {
        int choices;
        size_t end = bracket_end(text, length, &choices), size;
        const char *choice = bracket_choice(text + 1, end - 1, story_choose(story, choices), &size);
        story_expand(story, choice, size);
        return end + 1;
    }
    const char *close = memchr(text, '}', length);
    size_t end = close == NULL ? length : (size_t)(close - text);
    char name[32] = {0};
    size_t size = end - 1 < sizeof name - 1 ? end - 1 : sizeof name - 1;
    memcpy(name, text + 1, size);
    if (isupper((unsigned char)name[0])) {
        name[0] = (char)tolower((unsigned char)name[0]);
        story->capital = true;
    }
    if (strcmp(name, "a") != 0) {
        story_fill(story, name);
        return end + 1;
    }
    story->article = true;
    return end + 2; /* with the space, which comes with the article */
}

static bool is_notation(char c)
{
    return c == '[' || c == '{' || c == '"';
}

void story_expand(struct story *story, const char *text, size_t length)
{
    for (size_t i = 0; i < length && story->status == STATUS_OK;) {
        if (text[i] == '[' || text[i] == '{') {
            i += expand_one(story, text + i, length - i);
        } else if (text[i] == '"') {
            story_emit(story, (story->facts & QUOTED) != 0 ? "'" : "\"", 1);
            i++;
        } else {
            size_t run = 1;
            while (i + run < length && !is_notation(text[i + run]))
                run++;
            story_emit(story, text + i, run);
            i += run;
        }
    }
}

static const struct pool *pool_of(enum pool_name name)
{
    const struct pool *tables[] = {story_setting_pools, story_day_pools, story_long_pools};
    for (size_t i = 0; i < 2; i++)
        if (tables[i][name].count > 0)
            return &tables[i][name];
    return &tables[2][name];
}

void story_say(struct story *story, enum pool_name name)
{
    const struct pool *pool = pool_of(name);
    int fitting[64], count = 0;
    for (int i = 0; i < pool->count; i++)
        if ((pool->frames[i].needs & ~story->facts) == 0 && (story->said[name] >> i & 1) == 0)
            fitting[count++] = i;
    if (count == 0 || story->status != STATUS_OK)
        return;
    int frame = fitting[story_choose(story, count)];
    story->said[name] |= (uint64_t)1 << frame;
    if (!story->paragraph)
        append(story, " ", 1);
    else if ((story->facts & QUOTED) != 0)
        append(story, "\"", 1);
    story->paragraph = false;
    struct story_note note = {.pool = name, .begin = story->out->length};
    story_expand(story, pool->frames[frame].text, strlen(pool->frames[frame].text));
    story_take_note(story, note, false);
}

void story_say_within(struct story *story, enum pool_name pool, size_t room)
{
    if (story->out->length - story->start < room)
        story_say(story, pool);
}

void story_may_say(struct story *story, enum pool_name pool)
{
    enum { ROOM = 500 };
    if (story->out->length - story->start < ROOM && story_choose(story, 2) == 1)
        story_say(story, pool);
}

void story_end_paragraph(struct story *story)
{
    if (!story->paragraph)
        (story->facts & QUOTED) != 0 ? append(story, "\"\n\n", 3) : append(story, "\n\n", 2);
    story->paragraph = true;
}

void story_break(struct story *story)
{
    enum { ROOM = 950 };
    bool quoted = (story->facts & QUOTED) != 0;
    if (story->out->length - story->start > ROOM || (!quoted && story_choose(story, 2) == 0))
        return;
    story_end_paragraph(story);
    if (quoted) {
        story->facts &= ~(unsigned)QUOTED;
        story_say(story, DIALOGUE_QUESTION);
        story_end_paragraph(story);
        story->facts |= QUOTED;
    }
}
