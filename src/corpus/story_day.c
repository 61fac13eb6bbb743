/* Sentences of the plots that fit in one day: lost and found, a birthday, a rescue, a trade, a quarrel, an
 * errand. */
#include "story_parts.h"

static const struct frame lost_dear[] = {
    {0, "{Hero} had {a} {thing} that {he} used {use}, and it was {his} greatest treasure."},
    {0, "The thing that {hero} loved most was {a} {thing}, a gift from {his} {relative}."},
    {0, "{Hero_my} {relative} had once given {him} {a} {thing}, [made|good|just right] {use}."},
    {0, "Every [morning|evening], {hero} took {a} {thing} out of {a} {color} {container} and "
        "[polished|admired] it."},
    {0, "[Nothing|No gold] in the world was [dearer|more precious] to {hero_me} than {a} {thing}."},
    {0, "It began with {a} {thing}, which {hero} needed {use}."},
};
static const struct frame lost_gone[] = {
    {0, "But that day the shelf was empty: the [{thing_noun}|{thing}] was gone, and in its place lay {a} "
        "{junk}."},
    {0, "Then {he} [noticed|saw] that the [{thing_noun}|{thing}] was missing. {Hero} [was|felt] {sad} and "
        "{sad}."},
    {0, "[But|Suddenly] the [{thing_noun}|{thing}] was gone! [It was not on the table, and it was not under "
        "the bed|It was in no drawer and under no chair]."},
    {0, "{Hero} had put the [{thing_noun}|{thing}] on the [window sill|garden wall|steps], but when {he} "
        "turned around, it was gone."},
    {0, "\"Where is my {thing_noun}?\" {hero} [cried|asked|called]. [Nobody knew|There was no answer]."},
};
static const struct frame lost_search[] = {
    {0, "{He} looked {spot}, but [found|saw] only {a} {junk}."},
    {0, "{Hero} searched [every corner|high and low|for a long time] and found {a} {junk} {spot}, but no "
        "{thing_noun}."},
    {0, "Was it {spot}? No, there was only {a} {junk}."},
    {0, "{Number} times {he} looked {spot}, but all that {he} found was {a} {junk}."},
    {0, "{He} asked {a} {bird} about the [{thing_noun}|{thing}], but it [flew away|only looked at {him}]."},
    {0, "{He} [turned over|moved] {number} {size} stones and {a} {junk}, but the [{thing_noun}|{thing}] was "
        "not there."},
    {0, "Something {color} lay {spot}, and for a moment {he} [was|felt] [happy|hopeful|glad|relieved], but "
        "it was only {a} {junk}."},
    {0, "{Hero} called and looked, looked and called, but {sound} was the only answer."},
};
static const struct frame lost_clue[] = {
    {0, "{At_job}, {elder} was {work}. \"{A} {subject} passed by with something in its {detail1},\" {said} "
        "{elder} {softly}. \"It went to the {place3}.\""},
    {0, "Then {hero} met {elder}, who was {work} {at_job}. \"I saw {a} {subject} with {a} {thing_noun} in "
        "its {detail1},\" {said} {elder} {softly}. \"[Look|Try|Search] {at3}.\""},
    {0, "{Elder} stopped {hero_me} in front of the {workplace}. \"Are you looking for {a} {thing_noun}?\" "
        "asked {elder} {softly}. \"{A} {subject} carried it to the {place3} in its {detail1}.\""},
    {0, "\"{A} {subject} has been here,\" {said} {elder}, who was {work} {at_job}. \"It had {a} {thing_noun} "
        "in its {detail1} and went to the {place3}.\""},
};
static const struct frame lost_found[] = {
    {0, "{Hero} ran all the way. {Spot}, in the {detail2} of the {subject}, lay the {thing}!"},
    {0, "And there, {at}, {spot}, was the {detail2} of the {subject}, with the {thing} in the middle."},
    {0, "{Hero} {walked} to the {place} {quickly}, looked {spot}, and found the {thing} in the {detail2} of "
        "the {subject}."},
    {0, "It was true: {at}, the {subject} was [asleep|resting] in its {detail2} {spot}, and beside it lay "
        "the [{thing_noun}|{thing}]."},
};
static const struct frame lost_reason[] = {
    {0, "The {subject} had meant no harm; it {detail3}."},
    {0, "[As everyone knows now|As it turned out|To tell the truth], the {subject} {detail3}."},
    {0, "[Why had it taken the [{thing_noun}|{thing}]|Why had it done that]? It {detail3}."},
    {0, "{Hero} could not be angry, for the {subject} {detail3}. {He} left {food} for it."},
};
static const struct frame lost_lesson[] = {
    {0, "[From then on|From that day on|After that day], {he} kept the [{thing_noun}|{thing}] in {a} {color} "
        "{container}."},
    {0, "[After that|From that day on], the [{thing_noun}|{thing}] never left the house without {a} {color} "
        "string."},
    {0,
     "{Hero} gave {elder} {food} [as thanks|for the good advice] and took the [{thing_noun}|{thing}] home."},
    {0, "Now the [{thing_noun}|{thing}] [hangs|lies] beside the {color} mirror in the hall, and nobody "
        "[may|can] carry it off."},
    {0, "{He} tied {a} {color} ribbon to the [{thing_noun}|{thing}] so that it could be seen from far away."},
};

static const struct frame gift_need[] = {
    {0, "It was {friend}'s birthday, and {hero} had [no gift|nothing to give]. {He} [was|felt] {sad}."},
    {0, "{Friend} was {age} years old that day, but {hero} had [forgotten to look for|not found] a present."},
    {0, "The cake for {friend}'s birthday [was in the oven|stood on the table], but where was the present? "
        "{Hero} [was|felt] {sad}."},
    {0, "[Everybody|Everyone in {village}] had a birthday present for {friend}, except {hero_me}."},
};
static const struct frame gift_idea[] = {
    {0, "{Friend} had [always|long] wanted {a} {thing} {use}."},
    {0, "Then {he} remembered what {friend} had said [once|not long ago|{number} weeks before]: \"If only I "
        "had {a} {thing} {use}!\""},
    {0, "What did {friend} need? {A} {thing}, of course, {use}!"},
    {0, "{He} knew that {friend} dreamed of {a} {thing}, for {he2} often [spoke|talked] of it {softly}."},
};
static const struct frame gift_seen[] = {
    {0, "{At_job}, {elder} was {work}, and there on the wall hung {a} {thing}."},
    {0, "{Elder}, who was {work} {at_job}, had just such {a} {thing_noun} [in a cupboard|to spare]."},
    {0, "There was {a} {thing} in the window of the {workplace}, and behind it {elder} was {work}."},
    {0, "{Hero} asked at {number} doors, until {elder} opened the door of the {workplace}. On a shelf lay "
        "{a} {thing}."},
};
static const struct frame bargain[] = {
    {0, "\"[I have a proposal|Let us make a bargain],\" {said} {elder} {softly}. \"If you {help}, I will "
        "help you too.\""},
    {0, "{Hero} had no money. \"Then {help} for me,\" {said} {elder}, \"and [we are even|all is paid].\""},
    {0, "\"{Help} today,\" {said} {elder} {softly}, \"and you shall have your wish.\""},
    {0, "{Elder} {smiled}. \"Everything has its price,\" {said} {elder} {softly}. \"Could you {help}?\""},
};
static const struct frame work[] = {
    {0, "So {hero} {helped} for [two|three|four|five] hours, {quickly} and without a break."},
    {0, "{Hero} {helped} until {his} arms [were tired|hurt], and then ate {food}."},
    {0, "{Quickly}, {he} {helped}, while {elder} told {him} about {dream}."},
    {0, "So {he} rolled up {his} {color} sleeves and {helped}."},
    {0, "[It was hard work|It was not easy], but {he} {helped}, and nothing was [forgotten|left undone]."},
};
static const struct frame gift_earned[] = {
    {0, "{Elder} kept the promise and [gave|handed] {hero_me} the {thing}[, wrapped in {color} paper|]."},
    {0, "\"You have earned it,\" {said} {elder}, and put the {thing} into {hero_my} {container}."},
    {0, "[After that|Then] the [{thing_noun}|{thing}] belonged to {hero_me}, in {a} {color} paper bag."},
    {0, "{Elder} {smiled} and handed {hero_me} the {thing} and {reward} as well."},
};
static const struct frame gift_given[] = {
    {0, "{Friend} was [already there|waiting], and {hero} held out the [{thing_noun}|{thing}] {quickly}."},
    {0, "\"Happy birthday!\" {hero} [cried|called], and gave {friend} the {thing}."},
    {0, "{Friend} sat {spot} and [looked|seemed] {sad}, until {hero} gave {him2} the {thing}."},
    {0, "The guests were singing when {hero} put the [{thing_noun}|{thing}] [in front of|beside] {friend}."},
};
static const struct frame gift_thanks[] = {
    {0, "\"What {a} {praise} {thing_noun}!\" {friend} [cried|called|exclaimed]. \"Now I have something "
        "{use}.\""},
    {0, "{Friend} could not say a word for {number} [seconds|heartbeats]. \"It is {praise},\" {he2} said "
        "[then|at last]."},
    {0, "{Friend} [held|turned] the [{thing_noun}|{thing}] in the light. \"You remembered!\" {he2} {said} "
        "{softly}."},
    {0, "\"It is just what I needed {use},\" {said} {friend}, and [was|felt] {feeling}."},
};

static const struct frame rescue_cry[] = {
    {0, "[Suddenly|All at once] {they} heard [a cry|a weak voice|a strange noise], louder than {sound}."},
    {0, "\"Listen!\" {said} {friend} {softly}. \"Somebody [is calling|is crying|needs help].\""},
    {0, "{Friend} stopped. \"What is that [noise|sound] {at}?\" {he2} asked {softly}."},
    {0, "Then something moved {spot}. {Friend} took {hero_my} arm [quietly|nervously|gently|tightly]."},
};
static const struct frame rescue_find[] = {
    {0, "It was {a} {fur} {subject}, {detail1}."},
    {0, "{They} found {a} {size} {subject}, {detail1} and shaking with [fear|cold]."},
    {0, "Not far away was {a} {subject}, {detail1}. It looked {sad}."},
    {0, "There was {a} {subject}, {detail1}, and nobody else was near."},
};
static const struct frame rescue_tool[] = {
    {0, "\"We need {a} {detail2},\" {said} {friend}, and {he2} ran to the nearest house and borrowed one."},
    {0, "{Hero} remembered that there was {a} {detail2} in the {color} shed by the road, and fetched it "
        "{quickly}."},
    {0, "{Friend} looked around and found {a} {detail2} in an old {container}."},
    {0, "\"Stay with it,\" {hero} said, and came back with {a} {detail2} [within minutes|before {friend} "
        "could count to a hundred]."},
};
static const struct frame rescue_act[] = {
    {0, "{Quickly}, {hero} {detail3}."},
    {0, "[While|As] {friend} spoke to the {subject} {softly}, {hero} {detail3}."},
    {0, "{Hero} was afraid, but {he} {detail3}."},
    {0, "[It took a long time|It was not easy], but {hero} {detail3}."},
};
static const struct frame rescue_owner[] = {
    {0, "The {subject} belonged to {elder}, who was {work} {at_job} when {they} brought it back."},
    {0, "{They} took it to the {workplace}, where {elder} was {work}. \"My {subject}!\" "
        "[cried|called|shouted|exclaimed] {elder}."},
    {0, "{Elder} came running from the {workplace}. \"I looked for that {subject} [all day|everywhere],\" "
        "{said} {elder} {softly}."},
    {0, "On {a} {color} collar {they} read a name, and the name was that of {elder}."},
};
static const struct frame rescue_reward[] = {
    {0, "\"How can I thank you?\" asked {elder}, and [gave|handed] {them} {reward} and {food}."},
    {0, "{Elder} {smiled} and [gave|handed] {hero_me} {reward}, and {friend} got {food}."},
    {0, "For this {they} received {reward}, and [the {subject} followed {them} to the gate|the thanks of all "
        "of {village}]."},
    {0, "\"You are {virtue} and {virtue},\" {said} {elder} {softly}. \"Take {reward} and {food}.\""},
};

static const struct frame trade_start[] = {
    {0, "{Hero} [had|owned] {a} {thing}, but what {he} really needed was {a} {third} {third_use}."},
    {0,
     "\"I have {a} {thing},\" {hero} [thought|said], \"but I would rather have {a} {third} {third_use}.\""},
    {0, "{Hero} wanted {a} {third} {third_use}, but all that {he} had was {a} {thing}."},
    {0, "{A} {third} was {hero_my} dearest wish, but in {his} {container} there was only {a} {thing}."},
};
static const struct frame trade_first[] = {
    {0, "{Friend} was there and needed {a} {thing_noun} {use}. {He2} [gave|handed] {hero_me} {a} {other} for "
        "it."},
    {0, "\"Oh, {a} {thing_noun}!\" [cried|called|shouted|exclaimed] {friend}, who was sitting {spot}. \"Give "
        "it to me, and you can have my {other}.\""},
    {0, "{Friend} looked at the [{thing_noun}|{thing}] for a long time. \"I could use it {use},\" {he2} "
        "said, and offered {a} {other}."},
    {0, "There {hero} [met|saw] {friend}, who had {a} {other} but no {thing_noun}. {They} [shook "
        "hands|agreed], and the trade was made."},
};
static const struct frame trade_second[] = {
    {0, "On the way home {hero} met {elder}, who had always wanted {a} {other_noun} {other_use}. \"Take my "
        "{third} for it,\" {said} {elder} {softly}."},
    {0, "{Elder}, who had [just|once more] been {work}, stood {spot}. \"I would give my {third} for such {a} "
        "{other_noun},\" {said} {elder} {softly}."},
    {0, "There {elder} was looking for {a} {other_noun} {other_use} and [gave|handed] {hero_me} {a} {third} "
        "for it."},
    {0, "\"{A} {other_noun}!\" {said} {elder}, who [was passing by|came around the corner]. \"Will you take "
        "{a} {third} for it?\" {Hero} would."},
};
static const struct frame trade_end[] = {
    {0, "So the [{thing_noun}|{thing}] had become {a} {other_noun}, and the [{other_noun}|{other}] had "
        "become {a} {third_noun}, and everyone [was|felt] {feeling}."},
    {0, "At last {hero} had {a} {third_noun} {third_use}, {friend} had the [{thing_noun}|{thing}], and "
        "{elder} had the [{other_noun}|{other}]."},
    {0, "{Hero} carried the {third_noun} home {quickly}. It was {praise}, and it had cost only {a} "
        "{thing_noun}."},
    {0, "[Who had the best of it|Who was the luckiest]? {Friend} [was|felt] {feeling}, {elder} [was|felt] "
        "{feeling}, and {hero} had the {third_noun}."},
};

static const struct frame quarrel_cause[] = {
    {0, "{At}, {spot}, {pair} found {a} {thing}."},
    {0, "{Pair} were playing {game} {at} when {they} [saw|discovered] {a} {thing} {spot}."},
    {0, "A pedlar {at} had {a} {thing}, the last one, and both {pair} wanted it {use}."},
    {0, "{Spot} lay {a} {thing}, which [nobody had lost|belonged to nobody], and {pair} saw it at the same "
        "moment."},
};
static const struct frame quarrel_words[] = {
    {0, "\"I saw it first!\" [cried|called|shouted|exclaimed] {friend}. \"No, I did!\" {hero} "
        "[cried|shouted|answered]."},
    {0, "\"It is mine,\" {said} {friend} {softly}. \"I need it {use}.\" \"So do I,\" {hero} said, and "
        "[took|grabbed] it."},
    {0, "{Friend} pulled at one end of the [{thing_noun}|{thing}], and {hero} pulled at the other. [Soon "
        "both were {sad}|Neither would let go]."},
    {0, "{They} called each other {number} bad names, and the {bird}s in the {tree} tree [fell silent|flew "
        "away]."},
};
static const struct frame quarrel_apart[] = {
    {0, "The [{thing_noun}|{thing}] was in {hero_my} {color} {container}, but without {friend} it was [no "
        "fun|worth nothing]. {He} [was|felt] {sad}."},
    {0,
     "{He} sat {spot} with the [{thing_noun}|{thing}] and [was|felt] {sad}, because {friend} was not there."},
    {0, "{He} tried to play {game} alone, but [it did not work|that was silly], and {he} felt {sad}."},
    {0, "{He} had the [{thing_noun}|{thing}] but no friend, and {he} was {sad} and {sad}."},
};
static const struct frame quarrel_advice[] = {
    {0, "{Elder} [came by|was passing] with {food}. \"{A} {thing_noun} is a good thing,\" {said} {elder} "
        "{softly}, \"but a friend is better.\""},
    {0, "\"Why do you look so {sad}?\" asked {elder}, who was on the way to the {workplace}. {Hero} [told "
        "the whole story|had no answer]."},
    {0, "Then {he} met {elder}. \"You can cut {food} in two,\" {said} {elder}, \"but not a friend.\""},
    {0, "\"The first to say sorry is the [stronger|wiser] one,\" {said} {elder}, who had seen everything "
        "from the {workplace}."},
};
static const struct frame quarrel_peace[] = {
    {0, "{Hero} knocked at {friend}'s door {quickly}. \"I am sorry,\" {hero} said. \"You can have the "
        "[{thing_noun}|{thing}].\""},
    {0, "{Hero} took the [{thing_noun}|{thing}] and {food} to {friend}. \"I was wrong,\" {hero} said. \"So "
        "was I,\" {said} {friend} {softly}."},
    {0, "On the way to {friend}'s house, {hero} met {friend}, who was coming to say sorry too. Both of "
        "{them} laughed."},
    {0, "{Hero} put the [{thing_noun}|{thing}] on {friend}'s window sill with {a} {color} note: \"Forgive "
        "me.\" The door opened [at once|immediately|right away|straight away]."},
};
static const struct frame quarrel_end[] = {
    {0, "{They} agreed to use the [{thing_noun}|{thing}] together {use}, [one week each|turn by turn]."},
    {0, "[From then on|From that day on|After that day] the [{thing_noun}|{thing}] [belonged to both|had two "
        "owners], and {they} used it {use}."},
    {0, "In the end {they} gave the [{thing_noun}|{thing}] to {elder}, who [needed it more|[was|felt] "
        "{feeling}], and kept {their} friendship."},
    {0, "\"We can only be {feeling} together,\" {said} {friend}, and the [{thing_noun}|{thing}] lay between "
        "{them} on the [step|bench|table|wall]."},
};

static const struct frame errand_asked[] = {
    {0, "{Elder} was {work} {at_job}. \"Take this {thing} to {friend}, please,\" {said} {elder} {softly}. "
        "\"{He2} needs it {use} and is waiting {at}.\""},
    {0, "\"Who can carry {a} {thing} to the {place}?\" asked {elder}, who was {work} {at_job}. \"{Friend} "
        "needs it {use}.\" {Hero} [took it|stepped forward] [at once|immediately|right away|straight away]."},
    {0,
     "{Friend} was {at} and needed {a} {thing} {use}. {Elder} had one {at_job}, and {hero} was to bring it."},
    {0, "{Hero} had an [important|urgent] errand: {elder} had mended {friend}'s {thing} {at_job}, and now it "
        "had to go to the {place}."},
};
static const struct frame errand_hindrance[] = {
    {RAIN, "The rain had washed away the {size} footbridge, so {hero} [took off {his} shoes|held the "
           "[{thing_noun}|{thing}] high] and waded through the water."},
    {RAIN, "The path was [deep mud|one long puddle], and {he} hid the [{thing_noun}|{thing}] under {his} "
           "{color} coat."},
    {FOG, "In the fog {he} took {a} {size} {tree} tree for a giant and walked in a circle {number} times."},
    {FOG, "{He} could not see {his} own feet, and only {sound} told {him} where the {place} was."},
    {WIND, "The wind had thrown {a} {tree} tree across the path, and {he} had to climb over it with the "
           "[{thing_noun}|{thing}]."},
    {WIND, "The wind tore at {his} {color} [coat|scarf|sleeves], and {number} times {he} almost dropped the "
           "[{thing_noun}|{thing}]."},
    {SNOW, "The snow was so deep that {he} lost {a} {color} shoe and had to dig for it."},
    {SNOW, "There was ice on the path, and {he} fell {number} times, but {he} never dropped the "
           "[{thing_noun}|{thing}]."},
    {SUN, "Halfway there, {number} [angry|proud|stubborn] geese stood on the path, and {he} had to give them "
          "{food}."},
    {SUN,
     "{A} {color} gate was locked, so {he} climbed over it with the [{thing_noun}|{thing}] on {his} back."},
};
static const struct frame errand_arrival[] = {
    {0, "{Friend} came to meet {hero_me}. \"You are {praise}!\" {he2} cried, and took the "
        "[{thing_noun}|{thing}]."},
    {0, "{Friend} was sitting {spot} and {smiled} [at once|immediately|right away|straight away]. \"Now I "
        "have {a} {thing_noun} {use},\" {he2} {said} {softly}."},
    {0, "{Hero} gave {friend} the [{thing_noun}|{thing}]. It was [dry|whole] and [clean|safe], every inch of "
        "it."},
    {0, "\"I almost gave up hope,\" {said} {friend}, and took the [{thing_noun}|{thing}] {quickly}."},
};
static const struct frame errand_answer[] = {
    {0, "{Friend} [gave|handed] {hero_me} {food} for {elder} and {number} {flower} made of {color} paper."},
    {0, "\"Tell {elder} that I am {feeling},\" {said} {friend}, \"and take this {color} {container} back.\""},
    {0, "{Friend} wrote a note to {elder} on {color} paper, and {hero} put it in {his} pocket."},
    {0, "{Friend} paid with {number} coins and {food}, and {hero} carried them back to the {workplace}."},
};
static const struct frame errand_reward[] = {
    {0, "{Elder} [was|felt] {feeling} and [gave|handed] {hero_me} {reward}."},
    {0, "\"Well done,\" {said} {elder} {softly}, and {hero} got {reward} for it."},
    {0, "Back {at_job}, {reward} was waiting for {hero_me}, and {elder} {smiled}."},
    {0, "For this {elder} [gave|handed] {him} {reward} and called {him} {virtue} and {virtue}."},
};

#define POOL(frames)                                                                                         \
    {                                                                                                        \
        frames, (int)(sizeof frames / sizeof *frames)                                                        \
    }

const struct pool story_day_pools[POOLS] = {
    [LOST_DEAR] = POOL(lost_dear),
    [LOST_GONE] = POOL(lost_gone),
    [LOST_SEARCH] = POOL(lost_search),
    [LOST_CLUE] = POOL(lost_clue),
    [LOST_FOUND] = POOL(lost_found),
    [LOST_REASON] = POOL(lost_reason),
    [LOST_LESSON] = POOL(lost_lesson),
    [GIFT_NEED] = POOL(gift_need),
    [GIFT_IDEA] = POOL(gift_idea),
    [GIFT_SEEN] = POOL(gift_seen),
    [BARGAIN] = POOL(bargain),
    [WORK] = POOL(work),
    [GIFT_EARNED] = POOL(gift_earned),
    [GIFT_GIVEN] = POOL(gift_given),
    [GIFT_THANKS] = POOL(gift_thanks),
    [RESCUE_CRY] = POOL(rescue_cry),
    [RESCUE_FIND] = POOL(rescue_find),
    [RESCUE_TOOL] = POOL(rescue_tool),
    [RESCUE_ACT] = POOL(rescue_act),
    [RESCUE_OWNER] = POOL(rescue_owner),
    [RESCUE_REWARD] = POOL(rescue_reward),
    [TRADE_START] = POOL(trade_start),
    [TRADE_FIRST] = POOL(trade_first),
    [TRADE_SECOND] = POOL(trade_second),
    [TRADE_END] = POOL(trade_end),
    [QUARREL_CAUSE] = POOL(quarrel_cause),
    [QUARREL_WORDS] = POOL(quarrel_words),
    [QUARREL_APART] = POOL(quarrel_apart),
    [QUARREL_ADVICE] = POOL(quarrel_advice),
    [QUARREL_PEACE] = POOL(quarrel_peace),
    [QUARREL_END] = POOL(quarrel_end),
    [ERRAND_ASKED] = POOL(errand_asked),
    [ERRAND_HINDRANCE] = POOL(errand_hindrance),
    [ERRAND_ARRIVAL] = POOL(errand_arrival),
    [ERRAND_ANSWER] = POOL(errand_answer),
    [ERRAND_REWARD] = POOL(errand_reward),
};
