/* The plots: which events happen in which order, and how they change the small world. A plot fixes its
 * things, places and people first and then lets each event be told by a frame that shows them. */
#include "story_parts.h"

/* From now on something is wrong, or nothing is. */
static void set_mood(struct story *story, enum fact mood)
{
    story->facts = (story->facts & ~(unsigned)(MERRY | GRIM)) | (unsigned)mood;
}

static void introduce_pet(struct story *story)
{
    if ((story->facts & HUMAN) == 0 || story_choose(story, 3) != 0)
        return;
    story_say(story, PET_INTRODUCTION);
    story->facts |= PET;
}

static void introduce_friend(struct story *story)
{
    story_say(story, FRIEND_INTRODUCTION);
}

static void fix_texts(struct story *story, const char *subject, const char *detail1, const char *detail2,
                      const char *detail3, const char *detail4)
{
    story->plot[0] = subject;
    story->plot[1] = detail1;
    story->plot[2] = detail2;
    story->plot[3] = detail3;
    story->plot[4] = detail4;
}

/* What else the village is doing, and who comes to eat in the end, where there is room for it. */
static void look_around(struct story *story)
{
    enum { ROOM = 500 };
    story_say_within(story, INTERLUDE, ROOM);
}

static void eat(struct story *story)
{
    enum { ROOM = 1000 };
    story_say_within(story, MEAL, ROOM);
}

static void go_to_new_place(struct story *story, int index)
{
    story_bind_place(story, index);
    story_say(story, GOING);
}

/* A dear thing is gone; a thief of an animal has carried it to a third place, and someone has seen it pass.
 */
static void tell_lost(struct story *story)
{
    enum { ROOM_FOR_ANOTHER = 590 }; /* bytes */
    const struct thief *thief = &story_thieves[story_choose(story, story_thief_count)];
    fix_texts(story, thief->noun, thief->mouth, thief->home, thief->reason, NULL);
    story_bind_thing(story, 0);
    introduce_pet(story);
    look_around(story);
    story_say(story, LOST_DEAR);
    set_mood(story, GRIM);
    story_say(story, LOST_GONE);
    story_may_say(story, PET_ANTIC);
    story_break(story);
    go_to_new_place(story, 0);
    story_say(story, LOST_SEARCH);
    if (story->out->length - story->start < ROOM_FOR_ANOTHER) {
        go_to_new_place(story, 1);
        story_say(story, LOST_SEARCH);
    }
    story_break(story);
    story_bind_place(story, 2);
    story_say(story, LOST_CLUE);
    story_say(story, LOST_FOUND);
    story_say(story, LOST_REASON);
    set_mood(story, MERRY);
    story_may_say(story, FEELING);
    story_say(story, LOST_LESSON);
}

/* The friend's birthday: the hero works for the present that the friend wishes for. */
static void tell_gift(struct story *story)
{
    story_bind_thing(story, 0);
    introduce_friend(story);
    set_mood(story, GRIM);
    story_say(story, GIFT_NEED);
    story_say(story, GIFT_IDEA);
    story_break(story);
    story_say(story, GIFT_SEEN);
    story_say(story, BARGAIN);
    story_say(story, WORK);
    set_mood(story, MERRY);
    story_say(story, GIFT_EARNED);
    look_around(story);
    story_break(story);
    go_to_new_place(story, 0);
    story_say(story, GIFT_GIVEN);
    story_say(story, GIFT_THANKS);
    story->facts |= WITH_FRIEND;
    eat(story);
    story_may_say(story, FEELING);
}

/* A long way to a wonder; bread shared with a stranger shows the right road. */
static void tell_journey(struct story *story)
{
    const struct journey *journey = &story_journeys[story_choose(story, story_journey_count)];
    fix_texts(story, journey->goal, journey->arrival, journey->wonder, journey->keepsake, NULL);
    introduce_pet(story);
    set_mood(story, MERRY);
    story_say(story, JOURNEY_WISH);
    story_bind_thing(story, 0);
    story_say(story, JOURNEY_PACK);
    look_around(story);
    story_break(story);
    go_to_new_place(story, 0);
    story_say(story, JOURNEY_MEET);
    story_say(story, JOURNEY_SHARE);
    story_may_say(story, PET_ANTIC);
    story_break(story);
    story_say(story, JOURNEY_ARRIVE);
    story_say(story, JOURNEY_WONDER);
    story_may_say(story, FEELING);
    story_say(story, JOURNEY_HOME);
}

/* An animal in trouble, the tool that helps, and a grateful owner. */
static void tell_rescue(struct story *story)
{
    const struct trouble *trouble = &story_troubles[story_choose(story, story_trouble_count)];
    fix_texts(story, trouble->victim, trouble->stuck, trouble->tool, trouble->rescue, NULL);
    set_mood(story, MERRY);
    story->facts |= WITH_FRIEND;
    introduce_friend(story);
    look_around(story);
    go_to_new_place(story, 0);
    set_mood(story, GRIM);
    story_say(story, RESCUE_CRY);
    story_say(story, RESCUE_FIND);
    story_break(story);
    story_say(story, RESCUE_TOOL);
    story_say(story, RESCUE_ACT);
    set_mood(story, MERRY);
    story_may_say(story, FEELING);
    story_break(story);
    story_say(story, RESCUE_OWNER);
    story_say(story, RESCUE_REWARD);
    eat(story);
}

/* A skill is learned from someone who has it: first badly, then every day, then well. */
static void tell_learning(struct story *story)
{
    const struct skill *skill = &story_skills[story_choose(story, story_skill_count)];
    fix_texts(story, skill->learn, skill->learning, skill->failure, skill->success, NULL);
    introduce_pet(story);
    story_say(story, LEARN_WISH);
    story_say(story, LEARN_TEACHER);
    story_say(story, BARGAIN);
    story_say(story, WORK);
    story_break(story);
    set_mood(story, GRIM);
    story_say(story, LEARN_FAILURE);
    story_may_say(story, PET_ANTIC);
    story_say(story, LEARN_PRACTICE);
    look_around(story);
    story_break(story);
    set_mood(story, MERRY);
    story_say(story, LEARN_SUCCESS);
    story_say(story, LEARN_PROUD);
    story_may_say(story, FEELING);
    eat(story);
}

/* One thing becomes another, and that one the thing that was needed. */
static void tell_trade(struct story *story)
{
    for (int thing = 0; thing < STORY_THINGS; thing++)
        story_bind_thing(story, thing);
    introduce_friend(story);
    set_mood(story, MERRY);
    story_say(story, TRADE_START);
    look_around(story);
    introduce_pet(story);
    story_break(story);
    go_to_new_place(story, 0);
    story_say(story, TRADE_FIRST);
    story_may_say(story, PET_ANTIC);
    story_break(story);
    go_to_new_place(story, 1);
    story_say(story, TRADE_SECOND);
    story_may_say(story, FEELING);
    story_say(story, TRADE_END);
    eat(story);
}

/* Food vanishes at night; the thief is hungry and young, and stays. */
static void tell_mystery(struct story *story)
{
    fix_texts(story, story_draw(story, WILD_ANIMALS), NULL, NULL, NULL, NULL);
    introduce_friend(story);
    story->facts |= WITH_FRIEND;
    set_mood(story, GRIM);
    story_say(story, MYSTERY_MISSING);
    story_say(story, MYSTERY_SUSPECT);
    look_around(story);
    story_break(story);
    story_say(story, MYSTERY_WATCH);
    story_say(story, MYSTERY_REVEAL);
    story_break(story);
    set_mood(story, MERRY);
    story_say(story, MYSTERY_KIND);
    story_say(story, MYSTERY_END);
    story_may_say(story, FEELING);
    eat(story);
}

/* Two friends prepare for a contest; something breaks and is mended; they win, or they do not. */
static void tell_contest(struct story *story)
{
    const struct contest *contest = &story_contests[story_choose(story, story_contest_count)];
    fix_texts(story, contest->name, contest->entry, contest->preparation, contest->mishap, contest->repair);
    introduce_friend(story);
    story->facts |= WITH_FRIEND;
    set_mood(story, MERRY);
    story_say(story, CONTEST_NEWS);
    story_say(story, CONTEST_PREPARE);
    look_around(story);
    story_break(story);
    set_mood(story, GRIM);
    story_say(story, CONTEST_MISHAP);
    story_say(story, CONTEST_HELP);
    story_break(story);
    set_mood(story, MERRY);
    story->facts |= story_choose(story, 2) == 0 ? WON : LOST;
    story_say(story, CONTEST_JUDGE);
    story_say(story, CONTEST_RESULT);
    story_say(story, CONTEST_AFTER);
    eat(story);
}

/* Seeds in spring, a hungry animal, a fence, and a harvest for everybody. */
static void tell_garden(struct story *story)
{
    fix_texts(story, story_draw(story, VEGETABLES), story_draw(story, GARDEN_GUESTS), NULL, NULL, NULL);
    introduce_friend(story);
    set_mood(story, MERRY);
    story_say(story, GARDEN_SEEDS);
    story_say(story, GARDEN_PLANT);
    story_break(story);
    story_say(story, GARDEN_WAIT);
    look_around(story);
    set_mood(story, GRIM);
    story_say(story, GARDEN_TROUBLE);
    story_say(story, GARDEN_DEFENCE);
    story_break(story);
    set_mood(story, MERRY);
    story_say(story, GARDEN_HARVEST);
    story->facts |= WITH_FRIEND;
    story_say(story, GARDEN_FEAST);
    story_may_say(story, FEELING);
    eat(story);
}

/* Two friends want the same thing, part in anger, and make peace. */
static void tell_quarrel(struct story *story)
{
    story_bind_thing(story, 0);
    introduce_friend(story);
    set_mood(story, MERRY);
    story_bind_place(story, 0);
    look_around(story);
    story_say(story, QUARREL_CAUSE);
    set_mood(story, GRIM);
    story_say(story, QUARREL_WORDS);
    story_break(story);
    go_to_new_place(story, 1);
    story_say(story, QUARREL_APART);
    story_say(story, QUARREL_ADVICE);
    story_break(story);
    set_mood(story, MERRY);
    story->facts |= WITH_FRIEND;
    story_say(story, QUARREL_PEACE);
    story_say(story, QUARREL_END);
    eat(story);
    story_may_say(story, FEELING);
}

/* Something must be carried to the friend, and the weather is in the way. */
static void tell_errand(struct story *story)
{
    story_bind_thing(story, 0);
    introduce_friend(story);
    set_mood(story, MERRY);
    story_bind_place(story, 0);
    story_say(story, ERRAND_ASKED);
    introduce_pet(story);
    story_break(story);
    set_mood(story, GRIM);
    story_say(story, ERRAND_HINDRANCE);
    story_may_say(story, PET_ANTIC);
    story_say(story, GOING);
    set_mood(story, MERRY);
    story_say(story, ERRAND_ARRIVAL);
    look_around(story);
    story_break(story);
    story_say(story, ERRAND_ANSWER);
    story_say(story, ERRAND_REWARD);
    story_may_say(story, FEELING);
    eat(story);
}

/* Nobody has room for a traveller but the hero. */
static void tell_visitor(struct story *story)
{
    fix_texts(story, story_draw(story, TRAVELLERS), NULL, NULL, NULL, NULL);
    story_bind_thing(story, 0);
    introduce_pet(story);
    set_mood(story, GRIM);
    story_say(story, VISITOR_ARRIVES);
    look_around(story);
    story_say(story, VISITOR_REFUSED);
    story_may_say(story, PET_ANTIC);
    story_break(story);
    set_mood(story, MERRY);
    story_say(story, VISITOR_INVITED);
    story_say(story, VISITOR_SUPPER);
    story_say(story, VISITOR_EVENING);
    story_break(story);
    story_say(story, VISITOR_GIFT);
    story_say(story, VISITOR_AFTER);
    story_may_say(story, FEELING);
}

enum { ANY_SEASON = SPRING | SUMMER | AUTUMN | WINTER };

const struct plot story_plots[] = {
    {ONE_DAY | HUMAN, ANY_SEASON, 0, tell_lost},
    {ONE_DAY, ANY_SEASON, 0, tell_gift},
    {LONG, SPRING | SUMMER | AUTUMN, 1, tell_journey},
    {ONE_DAY | HUMAN, SPRING | SUMMER | AUTUMN, 0, tell_rescue},
    {LONG | HUMAN, SPRING | SUMMER | AUTUMN, 1, tell_learning},
    {ONE_DAY | HUMAN, ANY_SEASON, 0, tell_trade},
    {LONG | HUMAN, ANY_SEASON, 1, tell_mystery},
    {LONG, SUMMER, 0, tell_contest},
    {LONG, SPRING, 2, tell_garden},
    {ONE_DAY, ANY_SEASON, 0, tell_quarrel},
    {ONE_DAY, ANY_SEASON, 0, tell_errand},
    {LONG, ANY_SEASON, 1, tell_visitor},
};
const int story_plot_count = sizeof story_plots / sizeof *story_plots;
