/* The state of the small world and the slots that show it. People, names and dates are drawn when the text
 * needs them first and then stay, so that every choice that is counted is also seen. */
#include "story_parts.h"

#include <string.h>

static void emit_text(struct story *story, const char *text)
{
    story_emit(story, text, strlen(text));
}

static void expand_text(struct story *story, const char *text)
{
    story_expand(story, text, strlen(text));
}

static const char *name_of(struct story *story, enum role role)
{
    if (story->name[role] == NULL)
        story->name[role] = story_draw(story, story->female[role] ? GIRL_NAMES : BOY_NAMES);
    return story->name[role];
}

static const struct job *job_of(struct story *story)
{
    if (story->job < 0)
        story->job = story_choose(story, story_job_count);
    return &story_jobs[story->job];
}

/* "the careful baker Miss Finch" at first, "Miss Finch" or "the baker" later. */
static void fill_elder(struct story *story, int unused)
{
    (void)unused;
    static const char *const female[] = {"Miss", "Madam", "Granny", "Aunt"};
    static const char *const male[] = {"Mister", "Master", "Uncle", "Old"};
    bool introduced = !story->elder_known;
    if (introduced) {
        story->elder_known = true;
        expand_text(story, "the {trait} ");
        story_emit_fact(story, "elder_trade", job_of(story)->noun);
        emit_text(story, " ");
        story->title = (story->female[ELDER] ? female : male)[story_choose(story, 4)];
        story->name[ELDER] = story_draw(story, FAMILY_NAMES);
    } else if (story_choose(story, 3) == 0) {
        expand_text(story, "the {job}");
        return;
    }
    struct story_note note = {.slot = "elder_name", .begin = story->out->length};
    emit_text(story, story->title);
    emit_text(story, " ");
    emit_text(story, story->name[ELDER]);
    if (introduced) /* elsewhere the text does not say who has this trade */
        story_take_note(story, note, false);
}

static void fill_hero(struct story *story, int form)
{
    static const char *const first[] = {"I", "me", "my"};
    if ((story->facts & FIRST) != 0) {
        emit_text(story, first[form]);
        return;
    }
    emit_text(story, name_of(story, HERO));
    emit_text(story, form == 2 ? "'s" : "");
}

/* Pronouns as subject (0), as object (1) and possessive (2). */
static void fill_pronoun(struct story *story, int form)
{
    static const char *const first[] = {"I", "me", "my"};
    static const char *const female[] = {"she", "her", "her"};
    static const char *const male[] = {"he", "him", "his"};
    const char *const *forms = story->female[HERO] ? female : male;
    emit_text(story, ((story->facts & FIRST) != 0 ? first : forms)[form]);
}

static void fill_friend_pronoun(struct story *story, int form)
{
    static const char *const forms[2][4] = {{"he", "him", "his", "himself"},
                                            {"she", "her", "her", "herself"}};
    emit_text(story, forms[story->female[FRIEND]][form]);
}

static void fill_both(struct story *story, int form)
{
    static const char *const forms[2][3] = {{"they", "them", "their"}, {"we", "us", "our"}};
    emit_text(story, forms[(story->facts & FIRST) != 0][form]);
}

/* The hero and the friend together: 0 as subject, 1 as object. */
static void fill_pair(struct story *story, int form)
{
    bool first = (story->facts & FIRST) != 0;
    expand_text(story, !first      ? "{hero} and {friend}"
                       : form == 0 ? "{friend} and {hero}"
                                   : "{friend} and {hero_me}");
}

static void fill_name(struct story *story, int role)
{
    emit_text(story, name_of(story, (enum role)role));
}

static void fill_job(struct story *story, int column)
{
    const struct job *job = job_of(story);
    const char *const columns[] = {job->noun, job->workplace, job->work, job->help, job->helped, job->reward};
    emit_text(story, columns[column]);
}

static void fill_at_job(struct story *story, int unused)
{
    (void)unused;
    emit_text(story, job_of(story)->at);
    emit_text(story, " the ");
    emit_text(story, job_of(story)->workplace);
}

static void fill_category(struct story *story, int category)
{
    expand_text(story, story_draw(story, (enum category)category));
}

/* Somebody of the village who is only mentioned. */
static void fill_person(struct story *story, int unused)
{
    (void)unused;
    fill_category(story, story_choose(story, 2) == 0 ? GIRL_NAMES : BOY_NAMES);
    emit_text(story, " ");
    fill_category(story, FAMILY_NAMES);
}

/* A word that is drawn once and stays. */
static void fill_kept(struct story *story, int category)
{
    if (story->kept[category] == NULL)
        story->kept[category] = story_draw(story, (enum category)category);
    emit_text(story, story->kept[category]);
}

static void fill_weather(struct story *story, int unused)
{
    (void)unused;
    unsigned facts = story->facts;
    enum category category = (facts & SUN) != 0    ? SUNNY
                             : (facts & RAIN) != 0 ? RAINY
                             : (facts & WIND) != 0 ? WINDY
                             : (facts & FOG) != 0  ? FOGGY
                                                   : SNOWY;
    fill_category(story, (int)category);
}

/* Of the story (0), or of the time when it is told (1), which is later for a long story. */
static int season_of(const struct story *story, int now)
{
    return (story->season + (now != 0 ? story->seasons_later : 0)) % 4;
}

static void fill_month(struct story *story, int now)
{
    static const char *const months[4][3] = {{"March", "April", "May"},
                                             {"June", "July", "August"},
                                             {"September", "October", "November"},
                                             {"December", "January", "February"}};
    if (now != 0 && story->seasons_later == 0)
        now = 0;
    if (story->month[now] == NULL)
        story->month[now] = months[season_of(story, now)][story_choose(story, 3)];
    story_emit_fact(story, "month_name", story->month[now]);
}

static void fill_season(struct story *story, int now)
{
    static const char *const seasons[] = {"spring", "summer", "autumn", "winter"};
    emit_text(story, seasons[season_of(story, now)]);
}

/* Column 0 of a thing is "silver whistle" ("little silver whistle" at first), 1 "whistle", 2 "to call the
 * dogs home". */
static void fill_thing(struct story *story, int column)
{
    static const char *const adjectives[CATEGORIES] = {
        [METALS] = "metal", [WOODS] = "wood", [CLOTHS] = "cloth", [PAPERS] = "paper", [POTTERY] = "pottery"};
    const struct thing *thing = story->thing[column / 3];
    if (column % 3 == 2) {
        emit_text(story, thing->use);
        return;
    }
    if (column % 3 == 0) {
        if (!story->thing_known[column / 3])
            expand_text(story, "{looks} ");
        story->thing_known[column / 3] = true;
        story_emit_fact(story, adjectives[thing->adjective], story->adjective[column / 3]);
        emit_text(story, " ");
    }
    story_emit_fact(story, "noun", thing->noun);
}

/* Of the place where the story is now, or (columns from 4) of a place by number. */
static void fill_place(struct story *story, int column)
{
    int number = column >= 4 ? column / 4 - 1 : story->here;
    const struct place *place = story->place[number];
    switch (column % 4) {
    case 0:
        story_emit_fact(story, "place_name", place->name);
        break;
    case 1:
        emit_text(story, place->at);
        emit_text(story, " the ");
        story_emit_fact(story, "place_name", place->name);
        break;
    case 2:
        if (story_choose(story, 2) == 0)
            emit_text(story, place->spots[story_choose(story, 2)]);
        else
            expand_text(story, "[under|behind|beside|near] {a} {worn} {hideout}");
        break;
    default:
        emit_text(story, place->sound);
    }
}

/* A text of the plot's own row, which may hold slots itself. */
static void fill_plot(struct story *story, int column)
{
    expand_text(story, story->plot[column]);
}

static void fill_kind(struct story *story, int role)
{
    static const char *const children[2] = {"boy", "girl"};
    if (story->kind[role] == NULL)
        story->kind[role] =
            (story->facts & ANIMAL) != 0 ? story_draw(story, WILD_ANIMALS) : children[story->female[role]];
    emit_text(story, story->kind[role]);
}

/* Sorted by name, for the search. */
static const struct {
    const char *name;
    void (*fill)(struct story *story, int argument);
    int argument;
} slots[] = {
    {"age", fill_category, AGES},
    {"at", fill_place, 1},
    {"at3", fill_place, 13},
    {"at_job", fill_at_job, 0},
    {"bird", fill_category, BIRDS},
    {"color", fill_category, COLORS},
    {"container", fill_category, CONTAINERS},
    {"dessert", fill_category, DESSERTS},
    {"detail1", fill_plot, 1},
    {"detail2", fill_plot, 2},
    {"detail3", fill_plot, 3},
    {"detail4", fill_plot, 4},
    {"dream", fill_category, DREAMS},
    {"dreamer", fill_category, DREAMERS},
    {"dreamplace", fill_category, DREAM_PLACES},
    {"drink", fill_category, DRINKS},
    {"elder", fill_elder, 0},
    {"family", fill_category, FAMILY_NAMES},
    {"feeling", fill_category, FEELINGS},
    {"flower", fill_category, FLOWERS},
    {"food", fill_category, FOODS},
    {"fresh", fill_category, FRESH},
    {"friend", fill_name, FRIEND},
    {"fur", fill_category, FURS},
    {"game", fill_category, GAMES},
    {"he", fill_pronoun, 0},
    {"he2", fill_friend_pronoun, 0},
    {"hearty", fill_category, HEARTY_DISHES},
    {"help", fill_job, 3},
    {"helped", fill_job, 4},
    {"herd", fill_category, HERDS},
    {"hero", fill_hero, 0},
    {"hero_me", fill_hero, 1},
    {"hero_my", fill_hero, 2},
    {"hideout", fill_category, HIDEOUTS},
    {"him", fill_pronoun, 1},
    {"him2", fill_friend_pronoun, 1},
    {"his", fill_pronoun, 2},
    {"job", fill_job, 0},
    {"junk", fill_category, JUNK},
    {"kind", fill_kind, HERO},
    {"kind2", fill_kind, FRIEND},
    {"listener", fill_name, LISTENER},
    {"litter", fill_category, LITTER},
    {"looks", fill_category, LOOKS},
    {"month", fill_month, 0},
    {"month_now", fill_month, 1},
    {"name", fill_name, HERO},
    {"newspaper", fill_kept, NEWSPAPERS},
    {"number", fill_category, NUMBERS},
    {"ordinal", fill_category, ORDINALS},
    {"other", fill_thing, 3},
    {"other_noun", fill_thing, 4},
    {"other_use", fill_thing, 5},
    {"pair", fill_pair, 0},
    {"pair_me", fill_pair, 1},
    {"person", fill_person, 0},
    {"pet", fill_kept, PET_NAMES},
    {"petkind", fill_kept, ANIMALS},
    {"place", fill_place, 0},
    {"place3", fill_place, 12},
    {"praise", fill_category, PRAISE},
    {"quickly", fill_category, QUICKLY},
    {"relative", fill_category, RELATIVES},
    {"reward", fill_job, 5},
    {"sad", fill_category, SAD_FEELINGS},
    {"said", fill_category, SAID},
    {"savoury", fill_category, SAVOURIES},
    {"scene", fill_category, SCENES},
    {"season", fill_season, 0},
    {"season_now", fill_season, 1},
    {"size", fill_category, SIZES},
    {"smiled", fill_category, SMILED},
    {"softly", fill_category, SOFTLY},
    {"soon", fill_category, SOON},
    {"sound", fill_place, 3},
    {"spot", fill_place, 2},
    {"subject", fill_plot, 0},
    {"sweet", fill_category, SWEETS},
    {"tasty", fill_category, TASTY},
    {"their", fill_both, 2},
    {"them", fill_both, 1},
    {"they", fill_both, 0},
    {"thing", fill_thing, 0},
    {"thing_noun", fill_thing, 1},
    {"third", fill_thing, 6},
    {"third_noun", fill_thing, 7},
    {"third_use", fill_thing, 8},
    {"trait", fill_category, TRAITS},
    {"traveller", fill_category, TRAVELLERS},
    {"tree", fill_category, TREES},
    {"use", fill_thing, 2},
    {"vegetable", fill_category, VEGETABLES},
    {"village", fill_kept, VILLAGES},
    {"virtue", fill_category, VIRTUES},
    {"walked", fill_category, WALKED},
    {"warm", fill_category, WARM_THINGS},
    {"weather", fill_weather, 0},
    {"weekday", fill_kept, WEEKDAYS},
    {"work", fill_job, 2},
    {"workplace", fill_job, 1},
    {"worn", fill_category, WORN},
};

void story_fill(struct story *story, const char *name)
{
    int low = 0, high = (int)(sizeof slots / sizeof *slots) - 1;
    while (low <= high) {
        int middle = (low + high) / 2, order = strcmp(name, slots[middle].name);
        if (order == 0) {
            struct story_note note = {.slot = slots[middle].name, .begin = story->out->length};
            bool article = story->article;
            slots[middle].fill(story, slots[middle].argument);
            story_take_note(story, note, article);
            return;
        }
        if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    story->status = fail(STATUS_FAILED, "a sentence of the story generator has an unknown slot {%s}", name);
}

void story_begin_world(struct story *story, unsigned facts, unsigned seasons)
{
    static const unsigned weathers[] = {SUN, RAIN, WIND, FOG}, winter_weathers[] = {SUN, SNOW, WIND, FOG};
    int allowed[4], count = 0;
    for (int season = 0; season < 4; season++)
        if ((seasons & (unsigned)SPRING << season) != 0)
            allowed[count++] = season;
    story->season = allowed[story_choose(story, count)];
    story->facts = facts | (unsigned)SPRING << story->season |
                   (story->season == 3 ? winter_weathers : weathers)[story_choose(story, 4)];
    story->female[HERO] = story_choose(story, 2) == 1;
    story->female[FRIEND] = !story->female[HERO];
    story->female[ELDER] = story_choose(story, 2) == 1;
    story->job = -1;
}

void story_bind_thing(struct story *story, int index)
{
    story->thing[index] = &story_things[story_draw_row(story, &story->things, story_thing_count)];
    story->adjective[index] = story_draw(story, story->thing[index]->adjective);
}

void story_bind_place(struct story *story, int index)
{
    story->place[index] = &story_places[story_draw_row(story, &story->places, story_place_count)];
    story->here = index;
}
