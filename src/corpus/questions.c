/* How a question is found. While a story is told, notes are taken where the words of each slot stand. A rule
 * below names the slot that holds the answer and how the question points at it: by the noun that follows, by
 * another slot of the same frame, or by what it asks for alone. The passage is the frame with the answer and
 * frames around it, as far as they fit. A question is asked only when nothing else in its passage could
 * answer it. */
#include "llmpi/corpus/questions.h"

#include "llmpi/base/json.h"
#include "llmpi/base/random.h"
#include "story_parts.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

struct rule {
    const char *kind;   /* within a kind the answer does not depend on the rest of the question */
    const char *answer; /* the slot that holds it */
    const char *key;    /* the slot whose words stand for %s; "": the noun after the answer; NULL: none */
    bool name;          /* the answer is a name and has a capital */
    enum pool_name first, last; /* frames that allow it */
    const char *text;
};

#define ANYWHERE 0, POOLS - 1
#define OPENINGS TALE_OPENING, PLAIN_OPENING

static const struct rule rules[] = {
    {"colour", "color", "", false, ANYWHERE, "What colour was the %s?"},
    {"number", "number", "", false, ANYWHERE, "How many %s were there?"},
    {"metal", "metal", "", false, ANYWHERE, "What kind of %s was it?"},
    {"wood", "wood", "", false, ANYWHERE, "What kind of %s was it?"},
    {"cloth", "cloth", "", false, ANYWHERE, "What kind of %s was it?"},
    {"paper", "paper", "", false, ANYWHERE, "What kind of %s was it?"},
    {"pottery", "pottery", "", false, ANYWHERE, "What kind of %s was it?"},
    {"tree", "tree", "", false, ANYWHERE, "What kind of %s was it?"},
    {"sweet", "sweet", "", false, ANYWHERE, "What kind of %s was it?"},
    {"savoury", "savoury", "", false, ANYWHERE, "What kind of %s was it?"},
    {"drink", "drink", NULL, false, ANYWHERE, "What was there to drink?"},
    {"month", "month_name", NULL, true, ANYWHERE, "Which month was it?"},
    {"village", "village", NULL, true, ANYWHERE, "Which village was it?"},
    {"place", "place_name", "hero", false, GOING, GOING, "Where did %s go?"},
    {"hero", "name", NULL, true, OPENINGS, "Who is the story about?"},
    {"friend", "friend", NULL, true, FRIEND_INTRODUCTION, FRIEND_INTRODUCTION, "Who was the friend?"},
    {"who", "elder_name", "elder_trade", true, ANYWHERE, "Who was the %s?"},
    {"worker", "elder_name", "work", true, ANYWHERE, "Who was %s?"},
    {"trade", "elder_trade", "elder_name", false, ANYWHERE, "What was the trade of %s?"},
    {"pet", "pet", "petkind", true, PET_INTRODUCTION, PET_ANTIC, "What was the name of the %s?"},
    {"animal", "petkind", "pet", false, PET_INTRODUCTION, PET_ANTIC, "What animal was %s?"},
};
enum { RULES = sizeof rules / sizeof *rules };

/* A piece of the text. */
struct span {
    size_t begin, end;
};

/* A question that can be asked. */
struct candidate {
    const struct rule *rule;
    struct span answer, key, frame;
    struct span passage;
};

/* What the rules look at. */
struct reading {
    const char *text;
    const struct story_note *notes;
    size_t count;
    uint64_t seed, stream, index; /* of the next random number */
};

static bool same(const char *text, struct span a, struct span b)
{
    return a.end - a.begin == b.end - b.begin && memcmp(text + a.begin, text + b.begin, a.end - a.begin) == 0;
}

static struct span span_of(const struct story_note *note)
{
    return (struct span){note->begin, note->end};
}

static bool within(const struct story_note *note, struct span span)
{
    return note->begin >= span.begin && note->end <= span.end;
}

static bool is_slot(const struct story_note *note, const char *slot)
{
    return note->slot != NULL && strcmp(note->slot, slot) == 0;
}

/* --- the key --- */

static bool is_adjective(const char *slot)
{
    return strcmp(slot, "fur") == 0 || strcmp(slot, "size") == 0 || strcmp(slot, "color") == 0;
}

/* The note that begins here, the longest one that is no adjective, or NULL. */
static const struct story_note *note_at(const struct reading *reading, size_t begin, bool adjective)
{
    const struct story_note *found = NULL;
    for (size_t i = 0; i < reading->count; i++) {
        const struct story_note *note = &reading->notes[i];
        if (note->slot != NULL && note->begin == begin && is_adjective(note->slot) == adjective)
            found = note;
    }
    return found;
}

/* Words after a colour or a number that no question should point at. */
static bool is_unfit(const char *text, struct span key)
{
    static const char *const unfit[] = {"lay",    "of",    "times",       "days",    "weeks",      "evenings",
                                        "nights", "years", "generations", "seconds", "heartbeats", "minutes"};
    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++)
        if (strlen(unfit[i]) == key.end - key.begin &&
            memcmp(text + key.begin, unfit[i], key.end - key.begin) == 0)
            return true;
    return false;
}

/* The noun after the answer: a slot or a word, with what is added to it for its plural. */
static bool find_noun(const struct reading *reading, struct candidate *candidate)
{
    const char *text = reading->text;
    size_t begin = candidate->answer.end;
    const struct story_note *adjective;
    while (text[begin] == ' ' && (adjective = note_at(reading, begin + 1, true)) != NULL)
        begin = adjective->end;
    if (text[begin] != ' ')
        return false;
    const struct story_note *noun = note_at(reading, ++begin, false);
    size_t end = noun != NULL ? noun->end : begin;
    while (islower((unsigned char)text[end]))
        end++;
    candidate->key = (struct span){begin, end};
    bool plural = end > begin && text[end - 1] == 's';
    return end > begin && plural == (strcmp(candidate->rule->kind, "number") == 0) &&
           !is_unfit(text, candidate->key);
}

static bool find_key(const struct reading *reading, struct candidate *candidate)
{
    const char *slot = candidate->rule->key;
    if (slot == NULL)
        return true;
    if (slot[0] == '\0')
        return find_noun(reading, candidate);
    for (size_t i = 0; i < reading->count; i++)
        if (is_slot(&reading->notes[i], slot) && within(&reading->notes[i], candidate->frame)) {
            candidate->key = span_of(&reading->notes[i]);
            return true;
        }
    return false;
}

/* --- the passage --- */

/* The frame that ends or begins where the passage would go on in its paragraph, or NULL. */
static const struct story_note *neighbour(const struct reading *reading, struct span passage, bool before)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct story_note *note = &reading->notes[i];
        if (note->slot == NULL &&
            (before ? note->end + 1 == passage.begin : note->begin == passage.end + 1) &&
            reading->text[before ? note->end : passage.end] == ' ')
            return note;
    }
    return NULL;
}

/* Short enough, and all of one paragraph: the end of a letter has several. */
static bool is_passage(const char *text, struct span span)
{
    size_t length = span.end - span.begin;
    return length <= QUESTION_PASSAGE && memchr(text + span.begin, '\n', length) == NULL;
}

static void choose_passage(struct reading *reading, struct candidate *candidate)
{
    struct span passage = candidate->frame;
    bool closed[2] = {false, false};
    while (!closed[0] || !closed[1]) {
        bool before = closed[0]   ? true
                      : closed[1] ? false
                                  : random_below(reading->seed, reading->stream, reading->index++, 2) == 1;
        const struct story_note *note = neighbour(reading, passage, before);
        struct span longer = passage;
        if (note != NULL)
            longer =
                before ? (struct span){note->begin, passage.end} : (struct span){passage.begin, note->end};
        closed[before] = note == NULL || !is_passage(reading->text, longer);
        if (!closed[before])
            passage = longer;
    }
    candidate->passage = passage;
}

/* --- nothing else answers it --- */

static int count_words(const char *text, struct span passage, struct span word)
{
    int count = 0;
    size_t length = word.end - word.begin;
    for (size_t i = passage.begin; i + length <= passage.end; i++)
        count += same(text, (struct span){i, i + length}, word) &&
                 (i == passage.begin || !isalpha((unsigned char)text[i - 1])) &&
                 !isalpha((unsigned char)text[i + length]);
    return count;
}

/* A noun that the question points at stands once in the passage; where it points at less than that, all that
 * the passage has in the answer's slot is the answer. */
static bool is_unambiguous(const struct reading *reading, const struct candidate *candidate)
{
    const char *text = reading->text, *key = candidate->rule->key;
    if (key != NULL && islower((unsigned char)text[candidate->key.begin]) &&
        count_words(text, candidate->passage, candidate->key) != 1)
        return false;
    if (key != NULL && key[0] == '\0')
        return true;
    for (size_t i = 0; i < reading->count; i++) {
        const struct story_note *note = &reading->notes[i];
        if (is_slot(note, candidate->rule->answer) && within(note, candidate->passage) &&
            !same(text, span_of(note), candidate->answer))
            return false;
    }
    return true;
}

/* --- all together --- */

/* Makes a candidate of a note that holds an answer, in the frame with this note. */
static bool consider(struct reading *reading, const struct rule *rule, const struct story_note *answer,
                     const struct story_note *frame, struct candidate *candidate)
{
    *candidate = (struct candidate){.rule = rule, .answer = span_of(answer), .frame = span_of(frame)};
    const char *text = reading->text;
    if (frame->pool < rule->first || frame->pool > rule->last || !is_passage(text, candidate->frame) ||
        (isupper((unsigned char)text[answer->begin]) != 0) != rule->name || !find_key(reading, candidate))
        return false;
    choose_passage(reading, candidate);
    return is_unambiguous(reading, candidate);
}

/* One of the candidates of a rule, each as likely; false when there is none. */
static bool find_question(struct reading *reading, const struct rule *rule, struct candidate *chosen)
{
    uint64_t seen = 0;
    for (size_t i = 0, first = 0; i < reading->count; i++) {
        const struct story_note *frame = &reading->notes[i];
        if (frame->slot != NULL)
            continue;
        for (; first < i; first++) {
            struct candidate candidate;
            if (is_slot(&reading->notes[first], rule->answer) &&
                consider(reading, rule, &reading->notes[first], frame, &candidate) &&
                random_below(reading->seed, reading->stream, reading->index++, ++seen) == 0)
                *chosen = candidate;
        }
    }
    return seen > 0;
}

static enum status write_question(const struct reading *reading, const struct candidate *question,
                                  int64_t number, struct buffer *out)
{
    const char *text = reading->text;
    struct span passage = question->passage, key = question->key, answer = question->answer;
    struct buffer prompt = {0};
    enum status status =
        buffer_printf(&prompt, "%.*s ", (int)(passage.end - passage.begin), text + passage.begin);
    const char *place = strstr(question->rule->text, "%s");
    const char *head_end = place != NULL ? place : question->rule->text + strlen(question->rule->text);
    if (status == STATUS_OK)
        status =
            buffer_printf(&prompt, "%.*s%.*s%s", (int)(head_end - question->rule->text), question->rule->text,
                          (int)(key.end - key.begin), text + key.begin, place != NULL ? place + 2 : "");
    if (status == STATUS_OK)
        status = buffer_append(out, "{\"prompt\":", 10);
    if (status == STATUS_OK)
        status = json_write_text(out, prompt.data, prompt.length);
    if (status == STATUS_OK)
        status = buffer_append(out, ",\"response\":", 12);
    if (status == STATUS_OK)
        status = json_write_text(out, text + answer.begin, answer.end - answer.begin);
    if (status == STATUS_OK)
        status = buffer_printf(out, ",\"kind\":\"%s\",\"story\":\"llmpi:story:%" PRIu64 ":%" PRId64 "\"}\n",
                               question->rule->kind, reading->seed, number);
    buffer_free(&prompt);
    return status;
}

enum status questions_write(uint64_t seed, int64_t number, struct buffer *out, struct answer_counts *counts)
{
    struct buffer text = {0}, notes = {0};
    double bits = 0.0;
    enum status status = story_tell(seed, number, &text, &bits, &notes);
    struct reading reading = {
        .text = text.data,
        .notes = (const struct story_note *)notes.data,
        .count = notes.length / sizeof(struct story_note),
        .seed = seed,
        .stream = (uint64_t)RANDOM_QUESTION + ((uint64_t)number << 32),
    };
    for (int i = 0; i < RULES && status == STATUS_OK; i++) {
        struct candidate question = {0};
        if (!find_question(&reading, &rules[i], &question))
            continue;
        status = write_question(&reading, &question, number, out);
        if (status == STATUS_OK)
            status = answer_counts_add(counts, rules[i].kind, text.data + question.answer.begin,
                                       question.answer.end - question.answer.begin, NULL);
    }
    buffer_free(&text);
    buffer_free(&notes);
    return status;
}
