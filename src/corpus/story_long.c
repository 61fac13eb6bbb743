/* Sentences of the plots that take days or months: a journey, a skill, a night watch, a contest, a garden, a
 * guest. */
#include "story_parts.h"

static const struct frame journey_wish[] = {
    {0, "{Hero} had one [great|secret|old] wish: to see {subject}."},
    {0, "In an old book, {hero} had [read|once read] about {subject}, and since then {he} [thought|dreamed] "
        "of nothing else."},
    {0, "\"Have you ever seen {subject}?\" {hero} asked everyone, but nobody in {village} had."},
    {0, "{Hero_my} {relative} often spoke of {subject}, and {hero} wanted to go there [one day|before {his} "
        "next birthday]."},
    {0, "On the wall hung {a} {color} picture of {subject}, and one day {hero} decided to go there."},
};
static const struct frame journey_pack[] = {
    {0,
     "{He} packed {food}, {food}, and {warm} in {a} {color} {container}. {He} also took {a} {thing} {use}."},
    {0, "{He} took {a} {thing} {use}, put on {warm}, and set out {quickly}."},
    {0, "\"You will need {a} {thing} {use},\" said {his} {relative}, and put {food} and {food} in {hero_my} "
        "{container}."},
    {0, "Into the {color} {container} went {food}, {food}, and {a} {thing}. Then {he} said goodbye to {his} "
        "{relative} and {his} {relative}."},
};
static const struct frame journey_meet[] = {
    {0, "There {he} met {elder}, who was far from the {workplace} and [had lost the way|looked hungry]."},
    {0, "{Elder} was sitting {spot}, tired and [hungry|cold], for the way from the {workplace} was long."},
    {0, "Somebody was resting {spot}. It was {elder}, who [had eaten nothing since morning|had a hole in one "
        "boot]."},
    {0, "\"Good day,\" {said} {elder}, who was on the way home to the {workplace}. \"Do you have anything to "
        "eat?\""},
};
static const struct frame journey_share[] = {
    {0, "{Hero} shared {his} {container} with {elder}, and [for this|in return] {he} got {reward} and good "
        "advice."},
    {0, "{Hero} cut {food} in two and gave {elder} [the larger half|one half|the better half]. \"Go left at "
        "the third {tree} tree,\" {said} {elder} {softly}, \"and never turn back.\""},
    {0, "{Hero} gave {elder} {food}. {Elder} [gave|handed] {hero_me} {reward} and drew a plan of the way in "
        "the sand."},
    {0, "There was {food} and {food}, enough for two. \"The road is long,\" {said} {elder}, \"but you are "
        "{virtue}, and that is enough.\""},
};
static const struct frame journey_arrive[] = {
    {0, "After {number} days {he} was there. {Detail1}."},
    {0, "{He} walked for {number} days and slept under {tree} trees. {Detail1}."},
    {0, "The nights were cold, and {his} shoes had holes, but {he} did not turn back. {Detail1}."},
    {0, "{Number} days went by, and {number} more. [Then it happened|And then, one morning, it was there]. "
        "{Detail1}."},
};
static const struct frame journey_wonder[] = {
    {0, "{Detail2}, and {hero} [stood still|held {his} breath|forgot {his} tired feet]."},
    {0, "{Detail2}. It was {praise} and {praise}."},
    {0, "{Detail2}. {Hero} sat down and looked and looked, [until it was dark|for an hour or two]."},
    {0, "{Detail2}. \"So it is true,\" {hero} said [softly|quietly|slowly|calmly]."},
};
static const struct frame journey_home[] = {
    {0, "{He} brought home {detail3} for {his} {relative}, and [the way back seemed short|nobody could stop "
        "{him} from talking]."},
    {0, "When {he} came home, {detail3} was in {his} pocket, and {his} {relative} {smiled}."},
    {0, "At home {he} put {detail3} on the shelf beside the [{thing_noun}|{thing}], where {he} could see it "
        "from {his} bed."},
    {0, "{His} {relative} asked what {he} had found. {Hero} only {smiled} and showed {detail3}."},
};

static const struct frame learn_wish[] = {
    {0, "{Hero} wanted to learn to {subject} more than anything else."},
    {0, "\"One day I will {subject},\" {hero} said to {his} {relative}, who {smiled}."},
    {0, "{Hero_my} {relative} could {subject}, and {his} {relative} could {subject}, but {hero} could not."},
    {0, "Nobody [had ever taught|had time to teach] {hero_me} to {subject}, and that made {him} {sad}."},
};
static const struct frame learn_teacher[] = {
    {0, "Nobody in {village} knew more about {detail1} than {elder}, so {hero} went to the {workplace}."},
    {0, "{Hero} [heard|learned] that {elder} was good at {detail1}, and found {elder} {at_job}, {work}."},
    {0, "\"Go to {elder},\" said {his} {relative}, and {hero} {walked} to the {workplace}, where {elder} was "
        "{work}."},
    {0, "{At_job}, {elder} was {work}. \"Could you teach me?\" {hero} asked. \"I want to {subject}.\""},
};
static const struct frame learn_failure[] = {
    {0, "{Detail2}, and {hero} was {sad}."},
    {0, "{Detail2}. \"[That is how everyone begins|That was only the first try],\" {said} {elder} {softly}."},
    {0, "{Detail2}. Even {elder} [laughed|had to laugh] a little."},
    {0, "The first lesson was on {a} {weather} {weekday}. {Detail2}."},
};
static const struct frame learn_practice[] = {
    {0,
     "But {hero} did not give up. Every [morning|evening], {he} practised, {quickly}, for {number} weeks."},
    {0, "{Hero} practised on [Mondays and Fridays|Sundays and holidays], before breakfast and after supper, "
        "and thought of {detail1} even in {his} sleep."},
    {0, "\"Again,\" {said} {elder} {number} times a day, and {hero} tried again and again."},
    {0, "{Number} weeks passed. {Hero} gave up {game} and [late mornings|long evenings], and spent all {his} "
        "time on {detail1}."},
};
static const struct frame learn_success[] = {
    {0, "On the day of the [{season} fair|village feast], {hero} {detail3}."},
    {0, "And then, one {weekday} [morning|evening], {he} {detail3}, as if it were the easiest thing in the "
        "world."},
    {0, "When the [fair|feast] came, everyone in {village} was watching. {Hero} took a deep breath and "
        "{detail3}."},
    {0, "\"Now show us,\" {said} {elder} on {a} {weather} {weekday}, and {hero} {detail3}."},
};
static const struct frame learn_proud[] = {
    {0, "{Elder} {smiled}. \"I have nothing left to teach you,\" {said} {elder}, and [gave|handed] {hero_me} "
        "{reward}."},
    {0, "\"That was {praise}!\" [cried|called|shouted|exclaimed] {elder}, and {number} people clapped."},
    {0, "{Hero_my} {relative} {smiled}, and {elder} [was|felt] {feeling} and {feeling}."},
    {0, "\"I was {sad} at the beginning,\" {hero} said, \"but now I am {feeling}.\""},
};

static const struct frame mystery_missing[] = {
    {0, "Every night something vanished from {hero_my} kitchen: first {food}, then {food}."},
    {0, "One day {food} was gone from the table, and the next day {food}. [Nobody in the house|Nobody] had "
        "touched it."},
    {0, "Strange [noises|steps] came from the kitchen at night, and in the morning {food} was missing."},
    {0, "\"Who ate {food}?\" {hero} asked in the morning. It had not been {his} {relative}, and it had not "
        "been {his} {relative}."},
};
static const struct frame mystery_suspect[] = {
    {0, "\"[It is a ghost|Perhaps it is a ghost],\" {said} {friend} {softly}. \"Let us find out.\""},
    {0, "\"It was not me,\" {said} {elder}, who was {work} {at_job}. {Friend} {smiled}: \"Then we must "
        "watch.\""},
    {0, "{They} spread flour on the floor, and in the morning there were {number} {size} footprints."},
    {0, "{Elder} had no answer either. \"Keep your eyes open at night,\" {said} {elder} {softly}."},
};
static const struct frame mystery_watch[] = {
    {0, "That night {pair} hid behind the [curtain|stove|kitchen door] with {a} {color} lamp and {food}."},
    {0,
     "{Pair} sat under the table and waited {quickly}. The clock struck ten, and the clock struck eleven."},
    {0, "In the dark, {pair} waited beside {a} {size} {container}. \"I am not [afraid|scared|sleepy|cold],\" "
        "{friend} whispered {softly}."},
    {0, "{They} put {food} on the table and hid in {a} {color} cupboard. [It was very quiet|Nobody said a "
        "word]."},
};
static const struct frame mystery_reveal[] = {
    {0, "At midnight the door creaked, and in came {a} very young {subject}."},
    {0, "[Then|At last] something {fur} moved in the moonlight. It was {a} baby {subject}!"},
    {0, "The window opened a little, and {a} {size} nose came in. It belonged to {a} young {subject}."},
    {0, "\"Look!\" whispered {friend}. {A} young {subject} was sitting on the table and eating {food}."},
};
static const struct frame mystery_kind[] = {
    {0, "It was thin and {sad}, so {hero} gave it {food} and [a place by the stove|a bowl of milk]."},
    {0, "\"It is only hungry,\" {hero} said, and {friend} put {food} in front of it {quickly}."},
    {0, "{Hero} was not angry. [From then on|From that day on|After that day] there was {a} {color} bowl "
        "with {food} at the back door every evening."},
    {0, "\"Poor little thing,\" {said} {friend} {softly}, and {they} made a bed for it in {a} {color} "
        "[basket|box|crate|drawer|bucket]."},
};
static const struct frame mystery_end[] = {
    {0, "{They} called it {pet}, and it never [stole|took anything] again."},
    {0, "The {subject} was named {pet} and [stayed all {season}|soon knew every house in {village}]."},
    {0, "By the end of {season}, {pet}, as {they} called it, was as {trait} as any cat."},
    {0, "{They} named it {pet}. On {weather} evenings it sat by the stove and listened."},
};

static const struct frame contest_news[] = {
    {0, "The great {subject} of {village} was only {number} days away, and {pair} decided to enter {a} "
        "{detail1}."},
    {0, "{A} {color} paper on the church door announced {a} {subject}. \"We could make {a} {detail1}!\" "
        "{said} {friend} {softly}."},
    {0, "\"This year we must win the {subject},\" {said} {friend}, \"and I know how: with {a} {detail1}.\""},
    {0, "For the {subject} in {month}, {pair} had {a} {praise} plan, and the plan was {a} {detail1}."},
};
static const struct frame contest_prepare[] = {
    {0, "Day after day {they} {detail2}."},
    {0, "In {a} {color} shed behind the {tree} trees, {they} {detail2}, {quickly} and in secret."},
    {0, "{They} {detail2}, and {hero_my} {relative} brought {them} {food} and {drink}."},
    {0, "For {number} evenings {they} {detail2}, and {friend} sang {a} {praise} song."},
};
static const struct frame contest_mishap[] = {
    {0, "Then, on the last [evening|morning|day], {detail3}. {Hero} [was|felt] {sad}."},
    {0, "But nobody is lucky all the time: {detail3}."},
    {0, "And then {detail3}! {Friend} was {sad} and sat down on {a} {container}."},
    {0, "{Number} hours before the {subject}, {detail3}."},
};
static const struct frame contest_help[] = {
    {0, "\"[It is not too late|Do not give up],\" {hero} said, and {detail4}."},
    {0, "{They} worked all night, and {detail4}."},
    {0, "\"I have an idea!\" {said} {friend}, and {detail4}."},
    {0, "First {they} were {sad}, then {they} were {virtue}, and {detail4}."},
};
static const struct frame contest_judge[] = {
    {0, "The judge was {elder}, who [looked at|walked around] every {detail1} {number} times."},
    {0, "{Elder}, who had left the {workplace} for one day to be the judge, [made a note|{smiled}]."},
    {0, "\"Is this your {detail1}?\" asked {elder}, who was the judge, and wrote something in {a} {color} "
        "book."},
    {0, "All of {village} had come to the {subject}, and {elder} was the judge."},
};
static const struct frame contest_result[] = {
    {WON, "The first prize was {reward}, and it went to {pair_me}!"},
    {WON, "\"The winners are {name} and {friend},\" {said} {elder}, and [gave|handed] {them} {reward}."},
    {WON, "[It took a long time|The judge thought for an hour], but in the end {they} won {reward}."},
    {LOST,
     "{They} did not win, but {elder} [gave|handed] {them} {reward} for [the best idea|{their} courage]."},
    {LOST, "{They} came in last, and yet nobody had [laughed|cheered] so much about any other {detail1}."},
    {LOST, "The first prize went to {a} {relative} of the mayor, and the second to {a} {trait} {traveller}."},
};
static const struct frame contest_after[] = {
    {WON, "\"I knew it,\" {said} {friend}, who had not known it at all."},
    {WON, "The {detail1} was shown in the window of the {workplace} for {number} days."},
    {WON, "{Friend} threw {a} {color} cap in the air, and it landed in {a} {tree} tree."},
    {LOST, "\"Next year,\" {said} {friend} {softly}, and {hero} {smiled}."},
    {LOST, "But what did it matter? {They} had {a} {detail1} and each other, and {they} were {feeling}."},
    {LOST, "\"We had the best time, and that is worth more than {reward},\" {said} {friend} {softly}."},
};

static const struct frame garden_seeds[] = {
    {0, "{Elder} was {work} {at_job} and [gave|handed] {hero_me} {a} {color} bag. In it were the seeds of "
        "{subject}."},
    {0, "In an old {container}, {hero} found seeds of {subject}. \"Plant them,\" {said} {elder}, who was "
        "{work} {at_job}."},
    {0, "\"These are seeds of {subject},\" {said} {elder} {softly}. \"They only grow for someone who is "
        "{virtue}.\""},
    {0, "For {number} coins, {hero} bought seeds of {subject} from {elder}."},
};
static const struct frame garden_plant[] = {
    {0, "Behind the house, between {flower} and {flower}, {he} dug a bed and planted them {quickly}."},
    {0, "{Friend} held the {container}, and {hero} put {number} rows of seeds in the dark earth."},
    {0, "{He} dug up {a} {junk} and {a} {junk}, and then the bed beside the {tree} tree was ready."},
    {0, "With {a} {size} spade {pair} turned the earth and planted the seeds in {number} rows."},
};
static const struct frame garden_wait[] = {
    {0, "For [two|three|four] weeks there was nothing to see but earth and {a} {junk}. Then the first green "
        "leaves "
        "came."},
    {0, "{He} carried water every evening and told the plants about {dream}. [Slowly|Day by day] they grew."},
    {0, "Rain fell, the sun shone, and {a} {bird} sat on the fence and watched the {subject} grow."},
    {0, "\"Nothing is growing,\" {said} {friend} {softly}. \"Wait,\" {hero} said, and {number} days later "
        "everything was green."},
};
static const struct frame garden_trouble[] = {
    {0, "Then one night {a} {detail1} came and ate {number} of the plants. {Hero} [was|felt] {sad}."},
    {0, "But {a} {trait} {detail1} liked {subject} too, and in the morning {number} plants were gone."},
    {0, "\"Something has eaten our leaves!\" [cried|called|shouted|exclaimed] {friend}. It was {a} {size} "
        "{detail1}."},
    {0, "[One morning|One day|One night] {a} {detail1} found the garden and stayed for breakfast, lunch, and "
        "supper."},
};
static const struct frame garden_defence[] = {
    {0, "So {pair} built a fence of {tree} twigs, and outside {they} planted a row for the {detail1}."},
    {0, "{Elder} lent {hero_me} {a} {color} scarecrow, and the {detail1} [ran away|went to eat grass]."},
    {0, "{Friend} had an idea: {he2} put {food} at the other end of the field, and the {detail1} went there "
        "instead."},
    {0, "{Hero} sat up with {a} {color} lantern for {number} nights, until the {detail1} went elsewhere."},
};
static const struct frame garden_harvest[] = {
    {0, "By the end of the summer there were {number} [sacks|baskets|carts|crates] full of {subject}."},
    {0, "In August {pair} pulled, picked, and carried until the {size} kitchen was full of {subject}."},
    {0, "Never had {village} seen such {subject}: [one alone|each of them] was as big as {a} {container}."},
    {0, "And then it was harvest time, and the {subject} were {praise} and {praise}."},
};
static const struct frame garden_feast[] = {
    {0,
     "{Hero} gave {number} of the {subject} to {friend} and {number} to {elder}, and got {reward} for them."},
    {0, "A pot of {subject} fed {hero_my} whole street, and {elder} brought {food} and {drink}."},
    {0,
     "{Elder} tasted the {subject} and {smiled}. \"You were {virtue},\" {said} {elder}, \"and it shows.\""},
    {0, "There was a feast with {food}, {food}, and all the {subject} that {elder} and {friend} could eat."},
};

static const struct frame visitor_arrives[] = {
    {0, "In the evening {a} {trait} {subject} with {a} {color} {container} came to {village}."},
    {0, "{Number} dogs barked, and {a} {subject} with {a} {color} coat and {a} {size} {container} stood in "
        "the lane."},
    {0, "When the lamps were lit, {a} {subject} came over the hill with {a} {size} {container} and a limp."},
    {0, "Nobody knew the {subject} who came to {village} at dusk, tired and with {a} {color} bandage on one "
        "arm."},
};
static const struct frame visitor_refused[] = {
    {0, "The inn was full. \"I have no bed {at_job} either,\" {said} {elder} {softly}."},
    {0, "At {number} doors the {subject} asked for a bed, and at each of them the answer was no."},
    {0, "\"Strangers bring bad luck,\" {said} {elder}, who was {work} {at_job}, and closed the door."},
    {0, "The people of {village} looked out of their windows and [drew the curtains|said nothing]. It was a "
        "sad sight."},
};
static const struct frame visitor_invited[] = {
    {0, "But {hero} opened the door. \"Come in,\" {he} said. \"There is {food} on the table.\""},
    {0, "{Hero} ran after the {subject} with {warm}. \"You can sleep in our [kitchen|attic|hay],\" {he} said "
        "{softly}."},
    {0, "Only {hero} was [not afraid|{virtue} enough], took the {subject} home, and made tea."},
    {0, "\"We have {food} and a warm stove,\" {hero} said {softly}, and the {subject} {smiled}."},
};
static const struct frame visitor_supper[] = {
    {0, "The {subject} ate {food} and {food} and drank {number} cups of {drink}."},
    {0, "After {food} and {a} jug of {drink}, the {subject} [began to talk|was warm again]."},
    {0, "{Hero_my} {relative} gave the {subject} {warm} and {food}."},
    {0, "There was only {food} for supper, but the {subject} [was|felt] {feeling}."},
};
static const struct frame visitor_evening[] = {
    {0, "[Until midnight|All evening] there were stories about {dream} and {dream}."},
    {0, "Then the {subject} sang {number} songs about {dream}, and even {elder} came to listen."},
    {0, "\"I have seen {dream},\" said the {subject}, and {hero} [forgot to go to bed|listened with open "
        "mouth]."},
    {0, "The {subject} played {game} with {hero_me} by the stove and [talked|spoke] of {dream}."},
};
static const struct frame visitor_gift[] = {
    {0, "In the morning the {subject} was gone, but on the table lay {a} {thing} {use}."},
    {0, "\"Take my {thing},\" said the {subject} at sunrise. \"You can use it {use}. I need only my feet.\""},
    {0, "The {subject} left at dawn. Under {hero_my} pillow was {a} {thing}, and {a} {color} note that said: "
        "\"Thank you.\""},
    {0, "Before the {subject} went on, {hero} was given {a} {thing} {use}."},
};
static const struct frame visitor_after[] = {
    {0,
     "{Elder} saw the [{thing_noun}|{thing}] and was [sorry|ashamed], but {hero} {smiled} and lent it out."},
    {0, "{Hero} kept the [{thing_noun}|{thing}], and no [stranger|traveller] in {village} had to sleep "
        "outside again."},
    {0, "\"Next time I will open my door too,\" {said} {elder}, and [gave|handed] {hero_me} {reward}."},
    {0, "{Number} weeks later a letter came from far away, with {a} {color} stamp and greetings from the "
        "{subject}."},
};

#define POOL(frames)                                                                                         \
    {                                                                                                        \
        frames, (int)(sizeof frames / sizeof *frames)                                                        \
    }

const struct pool story_long_pools[POOLS] = {
    [JOURNEY_WISH] = POOL(journey_wish),       [JOURNEY_PACK] = POOL(journey_pack),
    [JOURNEY_MEET] = POOL(journey_meet),       [JOURNEY_SHARE] = POOL(journey_share),
    [JOURNEY_ARRIVE] = POOL(journey_arrive),   [JOURNEY_WONDER] = POOL(journey_wonder),
    [JOURNEY_HOME] = POOL(journey_home),       [LEARN_WISH] = POOL(learn_wish),
    [LEARN_TEACHER] = POOL(learn_teacher),     [LEARN_FAILURE] = POOL(learn_failure),
    [LEARN_PRACTICE] = POOL(learn_practice),   [LEARN_SUCCESS] = POOL(learn_success),
    [LEARN_PROUD] = POOL(learn_proud),         [MYSTERY_MISSING] = POOL(mystery_missing),
    [MYSTERY_SUSPECT] = POOL(mystery_suspect), [MYSTERY_WATCH] = POOL(mystery_watch),
    [MYSTERY_REVEAL] = POOL(mystery_reveal),   [MYSTERY_KIND] = POOL(mystery_kind),
    [MYSTERY_END] = POOL(mystery_end),         [CONTEST_NEWS] = POOL(contest_news),
    [CONTEST_PREPARE] = POOL(contest_prepare), [CONTEST_MISHAP] = POOL(contest_mishap),
    [CONTEST_HELP] = POOL(contest_help),       [CONTEST_JUDGE] = POOL(contest_judge),
    [CONTEST_RESULT] = POOL(contest_result),   [CONTEST_AFTER] = POOL(contest_after),
    [GARDEN_SEEDS] = POOL(garden_seeds),       [GARDEN_PLANT] = POOL(garden_plant),
    [GARDEN_WAIT] = POOL(garden_wait),         [GARDEN_TROUBLE] = POOL(garden_trouble),
    [GARDEN_DEFENCE] = POOL(garden_defence),   [GARDEN_HARVEST] = POOL(garden_harvest),
    [GARDEN_FEAST] = POOL(garden_feast),       [VISITOR_ARRIVES] = POOL(visitor_arrives),
    [VISITOR_REFUSED] = POOL(visitor_refused), [VISITOR_INVITED] = POOL(visitor_invited),
    [VISITOR_SUPPER] = POOL(visitor_supper),   [VISITOR_EVENING] = POOL(visitor_evening),
    [VISITOR_GIFT] = POOL(visitor_gift),       [VISITOR_AFTER] = POOL(visitor_after),
};
