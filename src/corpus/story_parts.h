/* What the files of the story generator share: the story in the making, the tables of the small world, and
 * the doors between them. The idea of the whole is at the top of story.c. */
#ifndef LLMPI_CORPUS_STORY_PARTS_H
#define LLMPI_CORPUS_STORY_PARTS_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is true in the world of a story. A sentence frame lists the facts that it needs. */
enum fact {
    FIRST = 1 << 0, /* the hero tells the story: "I" */
    THIRD = 1 << 1,
    HUMAN = 1 << 2, /* the hero and the friend are people, not talking animals */
    ANIMAL = 1 << 3,
    PET = 1 << 4, /* the hero has a pet, which was introduced and is there */
    SUN = 1 << 5,
    RAIN = 1 << 6,
    WIND = 1 << 7,
    FOG = 1 << 8,
    SNOW = 1 << 9,
    SPRING = 1 << 10,
    SUMMER = 1 << 11,
    AUTUMN = 1 << 12,
    WINTER = 1 << 13,
    ONE_DAY = 1 << 14, /* all that happens fits in one day */
    LONG = 1 << 15,
    WITH_FRIEND = 1 << 16, /* the friend was introduced and walks with the hero */
    WON = 1 << 17,
    LOST = 1 << 18,
    QUOTED = 1 << 19, /* the hero is telling it aloud: quotes inside are single */
    MERRY = 1 << 20,  /* nothing is wrong at the moment */
    GRIM = 1 << 21
};

/* Lists of words from which a slot draws, without repeating one within a story. At most 64 words each. */
enum category {
    GIRL_NAMES,
    BOY_NAMES,
    FAMILY_NAMES,
    VILLAGES,
    PET_NAMES,
    TRAITS,
    FEELINGS,
    SAD_FEELINGS,
    COLORS,
    SIZES,
    FOODS,
    DRINKS,
    FLOWERS,
    TREES,
    BIRDS,
    RELATIVES,
    CONTAINERS,
    JUNK,
    NUMBERS,
    AGES,
    WALKED,
    SMILED,
    SOFTLY,
    QUICKLY,
    SOON,
    WEEKDAYS,
    ORDINALS,
    ANIMALS,
    WILD_ANIMALS,
    VEGETABLES,
    WARM_THINGS,
    PRAISE,
    SUNNY,
    RAINY,
    WINDY,
    FOGGY,
    SNOWY,
    METALS,
    WOODS,
    CLOTHS,
    PAPERS,
    POTTERY,
    NEWSPAPERS,
    DREAMS,
    GAMES,
    GARDEN_GUESTS,
    TRAVELLERS,
    SWEETS,
    DESSERTS,
    SAVOURIES,
    HEARTY_DISHES,
    FRESH,
    DREAMERS,
    DREAM_PLACES,
    WORN,
    LITTER,
    HIDEOUTS,
    FURS,
    HERDS,
    SAID,
    SCENES,
    LOOKS,
    VIRTUES,
    TASTY,
    CATEGORIES
};

struct words {
    const char *const *items;
    int count;
};
extern const struct words story_words[CATEGORIES];

/* A thing that one can carry. */
struct thing {
    const char *noun;
    enum category adjective; /* what it is made of or looks like */
    const char *use;         /* "to call the dogs home" */
};

/* A place out of doors. */
struct place {
    const char *name, *at; /* "river", "by" */
    const char *spots[2];  /* where a small thing may lie */
    const char *sound;     /* heard there at any time of the year */
};

/* The trade of the grown-up of the story, who is found at work. */
struct job {
    const char *noun, *workplace, *at; /* "baker", "bakery", "in" */
    const char *work;                  /* after "was": "kneading a great ball of dough" */
    const char *help, *helped;         /* "carry the flour sacks", "carried the flour sacks" */
    const char *reward;                /* with its article: "a warm loaf" */
};

struct thief {
    const char *noun, *mouth, *home, *reason;
};

struct trouble {
    const char *victim, *stuck, *tool, *rescue;
};

struct skill {
    const char *learn, *learning, *failure, *success;
};

struct contest {
    const char *name, *entry, *preparation, *mishap, *repair;
};

struct journey {
    const char *goal, *arrival, *wonder, *keepsake;
};

extern const struct thing story_things[];
extern const struct place story_places[];
extern const struct job story_jobs[];
extern const struct thief story_thieves[];
extern const struct trouble story_troubles[];
extern const struct skill story_skills[];
extern const struct contest story_contests[];
extern const struct journey story_journeys[];
extern const int story_thing_count, story_place_count, story_job_count, story_thief_count,
    story_trouble_count, story_skill_count, story_contest_count, story_journey_count;

/* A sentence (or two that belong together) with slots {name} and choices [this|that], said only when all of
 * `needs` is true. */
struct frame {
    unsigned needs;
    const char *text;
};

/* Frames that do the same work in a story; one is drawn, and none twice in a story. */
struct pool {
    const struct frame *frames;
    int count;
};

enum pool_name {
    /* the frame of the story */
    TALE_OPENING,
    BEDTIME_OPENING,
    DIARY_OPENING,
    LETTER_OPENING,
    NEWS_OPENING,
    REPORT_OPENING,
    PLAIN_OPENING,
    DIALOGUE_OPENING,
    MEMORY_OPENING,
    TALE_CLOSING,
    BEDTIME_CLOSING,
    DIARY_CLOSING,
    LETTER_CLOSING,
    NEWS_CLOSING,
    REPORT_CLOSING,
    DIALOGUE_CLOSING,
    PLAIN_CLOSING,
    MEMORY_CLOSING,
    DIALOGUE_QUESTION,
    /* what every plot may need */
    WEATHER,
    PET_INTRODUCTION,
    FRIEND_INTRODUCTION,
    GOING,
    PET_ANTIC,
    MEAL,
    FEELING,
    INTERLUDE,
    /* the plots */
    LOST_DEAR,
    LOST_GONE,
    LOST_SEARCH,
    LOST_CLUE,
    LOST_FOUND,
    LOST_REASON,
    LOST_LESSON,
    GIFT_NEED,
    GIFT_IDEA,
    GIFT_SEEN,
    BARGAIN,
    WORK,
    GIFT_EARNED,
    GIFT_GIVEN,
    GIFT_THANKS,
    RESCUE_CRY,
    RESCUE_FIND,
    RESCUE_TOOL,
    RESCUE_ACT,
    RESCUE_OWNER,
    RESCUE_REWARD,
    TRADE_START,
    TRADE_FIRST,
    TRADE_SECOND,
    TRADE_END,
    QUARREL_CAUSE,
    QUARREL_WORDS,
    QUARREL_APART,
    QUARREL_ADVICE,
    QUARREL_PEACE,
    QUARREL_END,
    ERRAND_ASKED,
    ERRAND_HINDRANCE,
    ERRAND_ARRIVAL,
    ERRAND_ANSWER,
    ERRAND_REWARD,
    JOURNEY_WISH,
    JOURNEY_PACK,
    JOURNEY_MEET,
    JOURNEY_SHARE,
    JOURNEY_ARRIVE,
    JOURNEY_WONDER,
    JOURNEY_HOME,
    LEARN_WISH,
    LEARN_TEACHER,
    LEARN_FAILURE,
    LEARN_PRACTICE,
    LEARN_SUCCESS,
    LEARN_PROUD,
    MYSTERY_MISSING,
    MYSTERY_SUSPECT,
    MYSTERY_WATCH,
    MYSTERY_REVEAL,
    MYSTERY_KIND,
    MYSTERY_END,
    CONTEST_NEWS,
    CONTEST_PREPARE,
    CONTEST_MISHAP,
    CONTEST_HELP,
    CONTEST_JUDGE,
    CONTEST_RESULT,
    CONTEST_AFTER,
    GARDEN_SEEDS,
    GARDEN_PLANT,
    GARDEN_WAIT,
    GARDEN_TROUBLE,
    GARDEN_DEFENCE,
    GARDEN_HARVEST,
    GARDEN_FEAST,
    VISITOR_ARRIVES,
    VISITOR_REFUSED,
    VISITOR_INVITED,
    VISITOR_SUPPER,
    VISITOR_EVENING,
    VISITOR_GIFT,
    VISITOR_AFTER,
    POOLS
};
extern const struct pool story_setting_pools[POOLS], story_day_pools[POOLS], story_long_pools[POOLS];

/* Who is in a story. The hero and the friend never share a pronoun, so that "he" and "she" leave no doubt;
 * the grown-up is always named. */
enum role { HERO, FRIEND, ELDER, LISTENER, ROLES };

#define STORY_PLACES     3
#define STORY_THINGS     3
#define STORY_PLOT_TEXTS 5

/* Where the words of a slot stand in the text, for questions about the story (questions.c). */
struct story_note {
    const char *slot;    /* its name; NULL: a whole frame, of `pool` */
    enum pool_name pool; /* of the frame */
    size_t begin, end;   /* bytes of the text, without the article */
};

/* A story in the making. */
struct story {
    uint64_t seed, stream, index; /* of the next random number */
    double bits;                  /* entropy of the choices so far */
    struct buffer *out;
    struct buffer *notes; /* struct story_note after struct story_note; NULL: none are taken */
    size_t start;         /* of this story in `out` */
    enum status status;   /* of the first failure */
    unsigned facts;       /* enum fact */
    int season;           /* 0: spring */
    int seasons_later;    /* from the story to its telling */
    bool female[ROLES];
    bool elder_known; /* the grown-up was named with title and trade before */
    int job;          /* of the grown-up; -1 until the text needs it */
    int here;         /* the place where the story is now */

    /* NULL until the text needs them */
    const char *name[ROLES], *kind[ROLES], *title;
    const char *month[2];         /* of the story, of its telling */
    const char *kept[CATEGORIES]; /* words that stay: the village, the pet's name, the weekday, ... */

    const struct thing *thing[STORY_THINGS];
    const char *adjective[STORY_THINGS];
    bool thing_known[STORY_THINGS]; /* was shown before */
    const struct place *place[STORY_PLACES];
    const char *plot[STORY_PLOT_TEXTS]; /* the plot's own texts, slots {subject} and {detail1} to {detail4} */

    uint64_t drawn[CATEGORIES]; /* words used already */
    uint64_t things, places;    /* rows used already */
    uint64_t said[POOLS];       /* frames used already */
    bool article;               /* an "a" or "an" waits for its word */
    bool capital;               /* the next letter is a capital */
    bool paragraph;             /* nothing stands in the paragraph yet */
};

/* story.c: story_write, which takes notes too: of each slot after those inside it, and of each frame after
 * its slots. */
enum status story_tell(uint64_t seed, int64_t number, struct buffer *out, double *bits, struct buffer *notes);

/* story_text.c: one of n (n > 0), each as likely. Every choice of the generator is made here, which adds
 * log2(n) to the bits. */
int story_choose(struct story *story, int n);

/* A word of a category that this story has not used (all are free again when half are used). */
const char *story_draw(struct story *story, enum category category);

/* The number of an unused row of a table of n <= 64 rows. */
int story_draw_row(struct story *story, uint64_t *used, int n);

/* Writes a text with its slots filled and its choices made. */
void story_expand(struct story *story, const char *text, size_t length);

/* Writes text as it is, with the article or capital that waits for it. */
void story_emit(struct story *story, const char *text, size_t length);

/* Writes a fact of the world, of which a note is taken under this name. */
void story_emit_fact(struct story *story, const char *slot, const char *text);

/* Takes a note of what was written since `begin`, where the article waited or not. */
void story_take_note(struct story *story, struct story_note note, bool article);

/* Says one frame of a pool. */
void story_say(struct story *story, enum pool_name pool);

/* Says it when the story is shorter than `room` bytes so far. */
void story_say_within(struct story *story, enum pool_name pool, size_t room);

/* Says it half of the time, unless the story is long already. */
void story_may_say(struct story *story, enum pool_name pool);
void story_end_paragraph(struct story *story);

/* Ends the paragraph. When the hero is telling the story aloud, the listener may put in a word. */
void story_end_paragraph(struct story *story);
void story_break(struct story *story);

/* story_world.c: fills the slot of that name; an unknown one is a failure of the story. */
void story_fill(struct story *story, const char *name);

/* Draws the season (of those in `seasons`, SPRING to WINTER), the weather, and who is a woman or a girl. */
void story_begin_world(struct story *story, unsigned facts, unsigned seasons);

/* Fixes a new thing (0: {thing}, 1: {other}, 2: {third}) or goes on to a new place (0, 1, 2). */
void story_bind_thing(struct story *story, int index);
void story_bind_place(struct story *story, int index);

/* story_plot.c: the plots, from the introduction of people to the last event. */
struct plot {
    unsigned facts;   /* ONE_DAY or LONG, and HUMAN where talking animals would be out of place */
    unsigned seasons; /* in which it can happen */
    int later;        /* seasons from its beginning to the day when it is told */
    void (*tell)(struct story *story);
};
extern const struct plot story_plots[];
extern const int story_plot_count;

#endif
