/* Sentences that do not belong to one plot: how each register opens and closes, the weather, the company, the
 * way. */
#include "story_parts.h"

static const struct frame tale_opening[] = {
    {0, "[Once upon a time|Long, long ago|Many years ago], {a} {trait} and {trait} {kind} named {name} "
        "{family} lived in the [village|valley|little town] of {village}."},
    {0, "[In the old days|When wishes still came true|Long before you were born], there was {a} {kind} "
        "[called|named] {name} {family}, who was as {trait} as {he} was {trait}."},
    {0, "There was once {a} {trait} {kind} in {village} whose name was {name} {family}."},
    {0, "Far away, [beyond|behind] {number} [hills|rivers|forests], lay the village of {village}, and there "
        "lived {a} {trait} {kind} named {name} {family}."},
    {0, "Nobody in {village} was [more loved|better known|harder to forget] than {name} {family}, {a} "
        "{trait} {kind} with {a} {color} [cap|scarf|ribbon]."},
};
static const struct frame bedtime_opening[] = {
    {0, "[Close your eyes|Pull up your blanket|Lie down now|Put out the lamp], and I will tell you about "
        "{name} {family}, {a} {trait} {kind} from {village}."},
    {0, "Are you [comfortable|warm|ready]? Then [hear|listen to] the story of {name}, the {trait} {kind} of "
        "{village}."},
    {0, "This is {a} [story|tale] for the end of the day, and it is about {name} {family}, {a} {trait} "
        "{kind} with {a} {color} [hat|coat|pillow]."},
    {0, "[The moon is up|The stars are out|The house is quiet], so here is the [story|tale] of {a} {kind} "
        "named {name} {family}."},
    {0, "Tonight we [visit|go to] {village}, where {a} {trait} {kind} named {name} {family} [is waiting for "
        "us|has a bed just like yours]."},
};
static const struct frame diary_opening[] = {
    {ONE_DAY,
     "It is {weekday}, the {ordinal} of {month_now}, and I [must|want to] write down what happened today."},
    {ONE_DAY,
     "Dear diary, today was {a} {praise} day, [and I am too excited to sleep|though it did not begin well]."},
    {ONE_DAY, "{Weekday}, the {ordinal} of {month_now}, will [stay in my memory|be marked with {a} {color} "
              "star in my calendar] for a long time."},
    {ONE_DAY, "I am writing this [in bed|at the kitchen table|by the light of a candle] at the end of a long "
              "{weekday}."},
    {LONG, "It is {weekday}, the {ordinal} of {month_now}, and I have [so much|a great deal] to [write "
           "down|tell]."},
    {LONG, "Dear diary, I have not written for [weeks|a long time], because so much has happened."},
    {LONG, "My {color} pen was lost for [weeks|a while], but now I can write down [the whole story|all that "
           "happened]."},
    {LONG, "I am writing this [in bed|at the kitchen table|by the light of a candle] to keep [it all|the "
           "whole story] in my memory."},
};
static const struct frame letter_opening[] = {
    {0, "Dear {listener}, thank you for [your letter|the {flower}|the parcel with {food}]. You asked for "
        "news from {village}, so here it is."},
    {0, "Dear {listener}, I hope that you are [well|in good health|not too busy]. [You will not believe|Let "
        "me tell you] what happened [to me|here in {village}]."},
    {0, "My dear {listener}, it is {weekday}, and I have [an hour|a cup of {drink}|a whole evening] to write "
        "to you."},
    {0, "Dear {listener}, [greetings|warm greetings] from {village}! I have {a} {praise} story for you."},
    {0, "Dear {listener}, [how are you|how is your {relative}|how are the {flower} in your garden]? All is "
        "well here in {village}, but it was not an ordinary [week|month]."},
};
static const struct frame news_opening[] = {
    {0, "This is the {village} {newspaper} of {weekday}, the {ordinal} of {month_now}. Our "
        "[first|main|longest] story is about {name} {family}, {a} {trait} {kind} [from the mill lane|from "
        "the upper village|who lives by the green]."},
    {0, "News from {village}: all the [neighbours|shops|benches] are [talking|buzzing] about {a} {trait} "
        "{kind} named {name} {family}."},
    {0, "[Readers|Many readers] of the {village} {newspaper} have asked us about {name}, and here is the "
        "[true|whole] story."},
    {0, "{Village} is {a} [quiet|peaceful|sleepy] place, but this {weekday} [everyone|the whole village] "
        "spoke of one {kind} only, and the name was {name}."},
    {0, "The {village} {newspaper} is [proud|pleased|happy] to report {a} {praise} [deed|piece of news] from "
        "our [own streets|village]."},
};
static const struct frame report_opening[] = {
    {0, "This report was written for the [mayor|council|elders] of {village} on the {ordinal} of "
        "{month_now}. It is about {a} {kind} named {name} {family}."},
    {0, "Report of the [night watch|village clerk|town office] of {village}: the matter of {name} {family}, "
        "{a} {trait} {kind}, is closed, and these are the facts."},
    {0, "The [mayor|council|judge] of {village} has asked for {a} [short|full|plain] account of the matter "
        "of {name}, and here it is."},
    {0, "Report number {number} of this year [deals with|is about] {name}, {a} {trait} {kind} of {village}."},
    {0, "What follows was [seen|heard|noted] in {village} and is [true|correct] in every [point|detail]. The "
        "main person is {name}, who is known as {a} {trait} {kind}."},
};
static const struct frame dialogue_opening[] = {
    {0, "{Listener} [met|found|saw] {name} [at the well|on the church steps|by the garden gate|in front of "
        "the shop]. \"You look {feeling},\" {said} {listener} {softly}. \"What happened?\""},
    {0, "\"Where have you been, {name}?\" asked {listener} {softly}. \"[Sit down|Come in|Have {food}] and "
        "tell me everything.\""},
    {0, "{Listener} put {food} on the table. \"Now, {name},\" {said} {listener}, \"[tell me the whole "
        "story|start from the beginning|leave nothing out].\""},
    {0, "\"Is it true what they say about you in {village}?\" asked {listener} {softly}. {Name} "
        "[laughed|nodded|smiled] and began to tell the story."},
    {0, "{Name} and {listener} were sitting [by the fire|on the wall|under the {tree} tree]. \"Tell me "
        "something [true|new|strange],\" {said} {listener} {softly}."},
};
static const struct frame plain_opening[] = {
    {0, "{Name} {family} was {a} {trait} {kind} from {village} who [liked|loved] {flower} and [hated|did not "
        "like] {vegetable}."},
    {0, "In {village}, in {a} {size} house with {a} {color} door, lived {a} {kind} named {name} {family}."},
    {0, "Everyone called {name} {a} {trait} {kind}, and [most of the time|on most days|as a rule] this was "
        "true."},
    {0, "{Name} {family} lived in {village} with {his} {relative} and [a hundred books|{number} hens|{a} "
        "{trait} parrot]."},
    {0, "The {trait}, {trait} {kind} in this story is [called|named] {name} {family}."},
    {0, "If you ever come to {village}, ask for {name}, the {kind} with the {color} [boots|coat|gloves]."},
};
static const struct frame memory_opening[] = {
    {0, "When I was {age} years old, I lived in {village}, in {a} {size} house with {a} {color} roof."},
    {0, "[My grandchildren|The children] often ask me about {village}, where I grew up. I always tell them "
        "this story."},
    {0, "I have forgotten many things, but I still remember one [day|time] in {village} when I was {age}."},
    {0, "People called me {a} {trait} {kind} when I was {age}, [and perhaps they were right|but they did not "
        "know me]."},
    {0, "In those days {village} had only {number} [houses|streets|lamps], and everyone knew me as the "
        "{trait} {kind} with the {color} [cap|shoes|coat]."},
};

static const struct frame tale_closing[] = {
    {0, "And from that day on, [life in {village} was sweeter than honey|nobody in {village} was ever "
        "lonely|{name} was [welcome|greeted] at every door]."},
    {0, "The story was told in {village} for {number} [years|generations], and [every time it grew a little "
        "longer|nobody ever grew tired of it]."},
    {0, "[If nobody has stopped them|If the clocks have not run down], the people of {village} are talking "
        "about it [to this day|still]."},
    {0, "And if you [listen well|are very quiet] on {a} {weather} [day|evening], you may hear {name} "
        "laughing [still|even now]."},
};
static const struct frame bedtime_closing[] = {
    {0, "Now {name} is asleep, [and you should sleep too|and so is all of {village}]. Good night!"},
    {0, "That night {name} dreamed of {dream}. [What will you|I wonder what you will] dream of?"},
    {0,
     "And then {name} blew out the {color} candle, [just as we do now|and the night was quiet]. Sleep well."},
    {0, "Tomorrow I will tell you [about {dream}|another story from {village}]. Now close your eyes."},
};
static const struct frame diary_closing[] = {
    {0, "Now my eyes are [heavy|closing], and the candle is [short|almost gone]. Good night, dear diary."},
    {0,
     "Tomorrow I will [sleep late|play {game}|help in the kitchen], but first I want to dream of {dream}."},
    {0, "I will [put|press] {a} {tree} leaf between these pages [to remember it|so that I never forget]."},
    {0, "My {relative} [is calling|wants me to put out the light], so I must stop here."},
    {0, "I am {feeling} tonight, and that is the [whole truth|best end for a page]."},
};
static const struct frame letter_closing[] = {
    {0, "Please write soon and tell me about your {relative}.\n\nWith love from {name}."},
    {0, "[Come and visit us|You must come to see us] before the end of {season_now}; there is always {food} "
        "for you.\n\nYour [old|loving|faithful] friend {name}."},
    {0,
     "I am sending you {food} and {warm}.\n\n[Many|A thousand|A hundred] greetings from your friend {name}."},
    {0, "Give my love to your {relative}, [and stay well|and do not forget us].\n\nYours, {name}."},
};
static const struct frame news_closing[] = {
    {0, "The [mayor|council] of {village} [has promised|wants to give] {name} {a} {color} medal and {food}."},
    {0, "The {newspaper} [congratulates|thanks] {name} and wishes all readers {a} {praise} {season_now}."},
    {0, "In other news, {number} {bird}s were seen near the church, and the price of {vegetable} has [gone "
        "up|fallen] again."},
    {0, "[Next week|In our next issue] we will report on the [choir|new pump|dance] in {village} and on the "
        "show of paper {flower}."},
};
static const struct frame report_closing[] = {
    {0, "No [damage|complaint|further trouble] was reported. Signed by the clerk of {village} on {a} "
        "{weather} {weekday}."},
    {0, "It is [suggested|proposed] that {name} be given {food} and [a place of honour at the next feast|the "
        "thanks of {village}]."},
    {0, "[All|Both] witnesses agree, and {name} was {feeling} when the clerk [left|closed the book]."},
    {0, "Costs: {number} coins for {food}. [They have been paid|Nobody has asked for more]."},
};
static const struct frame dialogue_closing[] = {
    {0, "\"That is {a} {praise} story,\" {said} {listener} {softly}. \"[I wish I had been there|You must "
        "tell it to my {relative}].\""},
    {0, "{Listener} {smiled} and poured [another cup|two more cups] of {drink}. \"To {name}!\" {said} "
        "{listener} {softly}."},
    {0, "\"And is all of it true?\" asked {listener} {softly}. \"Every word,\" said {name}[, and reached for "
        "{food}|]."},
    {0, "They sat together [for a while|in silence] and looked at the [evening|cloudy|wide|darkening|quiet] "
        "sky. Then {name} and {listener} went home."},
};
static const struct frame plain_closing[] = {
    {0, "That evening {name} [ate|finished] {food}, drank {a} cup of {drink}, and went to bed early."},
    {0, "It was [one more|another] {praise} day in {village}[, and not the last one|]."},
    {0, "And that is why {name} still [smiles|laughs] when somebody mentions the [word \"{color}\"|month of "
        "{month}]."},
    {0, "{Name} told the story to [{his} {relative}|{a} {bird} on the roof|everyone in {village}], and this "
        "is how we know it."},
};
static const struct frame memory_closing[] = {
    {0, "I am old now, but when I smell {flower}, I think of {village} [again|and smile]."},
    {0, "That was [long ago|fifty years ago|sixty years ago|seventy years ago], and I have told it to "
        "{number} grandchildren since then."},
    {0, "[My {relative} always said|People in {village} say] that such days [come only once|are worth more "
        "than gold], and it is true."},
    {0, "The [house|street|old {tree} tree] is gone, but the story is still [here|with me]."},
};
static const struct frame dialogue_question[] = {
    {0, "\"[And then|And what happened then|What happened next]?\" asked {listener} {softly}."},
    {0, "{Listener} [listened|waited] [quietly|eagerly|patiently|curiously]. \"[Go on|Do not stop now|Tell "
        "me more]!\""},
    {0, "\"[Really|Is that so]?\" {said} {listener} {softly}. \"I can [hardly|scarcely] believe it. [And "
        "after that|What came next]?\""},
    {0, "{Listener} {smiled}. \"[That sounds like you|I can see it before me|Only in {village}],\" {said} "
        "{listener} {softly}. \"What did you do?\""},
    {0, "\"[Wait|One moment],\" {said} {listener}, and [put more wood on the fire|poured some {drink}]. "
        "\"Now go on.\""},
};

static const struct frame weather[] = {
    {SUN, "It was {a} {weather} [morning|day] [in {month}|in {season}], and the sky was as blue as [a "
          "cornflower|the sea]."},
    {SUN, "The sun [shone|was shining] on the [roofs|windows|hills] that [morning|day], and {a} {bird} was "
          "[calling from|sitting on] the fence."},
    {SUN, "One {weather} day in {month}, [the air was clear|the light was golden] and {a} {bird} called from "
          "the {tree} tree."},
    {RAIN, "It was {a} {weather} [morning|day] [in {month}|in {season}], and the rain [drummed|tapped] on "
           "the {color} roof."},
    {RAIN, "It had rained since [dawn|early morning|midnight], and the lanes were full of "
           "[deep|shallow|wide|muddy|cold|brown|grey|round] puddles."},
    {RAIN, "One {weather} day in {month}, the clouds hung low and even the {bird}s [stayed in the trees|were "
           "silent]."},
    {WIND, "It was {a} {weather} [morning|day] [in {month}|in {season}], and the wind [shook|rattled] the "
           "shutters."},
    {WIND, "The wind [blew|chased] [leaves|straw|dust] through the lanes, and {a} {color} [hat|apron|towel] "
           "hung in the {tree} tree."},
    {WIND,
     "One {weather} day in {month}, the weathercock [turned|spun] like a top and {a} {bird} flew backwards."},
    {FOG, "It was {a} {weather} [morning|day] [in {month}|in {season}], and the fog hid [the church|the next "
          "house|the hills]."},
    {FOG, "The fog was as thick as [soup|wool|milk], and [the lamps|the windows] of {village} [glowed|shone] "
          "[faintly|yellow|like stars|like cats' eyes]."},
    {FOG, "One {weather} day in {month}, the {tree} trees looked like [pale|grey|dark|white] "
          "[ghosts|giants|towers|sailors|soldiers]."},
    {SNOW, "It was {a} {weather} [morning|day] [in {month}|in {season}], and the snow lay on every "
           "[roof|fence|branch]."},
    {SNOW, "Snow had fallen [all night|since midnight], and the prints of {a} {bird} were the only ones in "
           "the lane."},
    {SNOW, "One {weather} day in {month}, {number} icicles hung from the roof and the {bird}s [looked for "
           "crumbs|shivered]."},
};
static const struct frame pet_introduction[] = {
    {HUMAN,
     "{Hero} had {a} {trait} {fur} {petkind} named {pet}, who [followed|went with] {hero_me} everywhere."},
    {HUMAN, "{Pet}, {hero_my} {fur} {petkind}, [came along|was there too], as always."},
    {HUMAN, "{Hero} never went out without {pet}, {a} {fur} {petkind} with {a} {color} [collar|ribbon]."},
    {HUMAN, "Beside {hero_me} [walked|trotted] {pet}, {a} {trait} and {trait} {petkind}."},
};
static const struct frame pet_antic[] = {
    {PET, "{Pet} the {petkind} [chased|ran after] {a} {color} [leaf|ribbon|feather] and [came back|returned] "
          "without it."},
    {PET, "{Pet} the {petkind} [sniffed at|jumped over|walked around] {a} {junk}."},
    {PET | GRIM, "Even {pet} the {petkind} [looked|seemed] {sad}."},
    {PET, "{Pet} the {petkind} [sat down|lay down] and would not move until {hero} [called|whistled] "
          "{number} times."},
    {PET, "{Hero} [stroked|patted|scratched|hugged] {pet} the {petkind}."},
};
static const struct frame friend_introduction[] = {
    {0, "{Hero_my} best friend was {friend} {family}, {a} {trait} {kind2} who [lived next door|lived across "
        "the lane]."},
    {0, "{Hero} had a friend named {friend} {family}, {a} {kind2} who was always {trait}."},
    {0, "{Friend}, {a} {trait} {kind2} with {a} {color} [bag|belt|scarf], was {hero_my} "
        "[oldest|closest|best] friend."},
    {0, "{Friend}, the {trait} {kind2} from the [corner house|house by the bridge|{color} house], did "
        "[almost everything|most things] with {hero_me}."},
    {0, "Nobody knew {hero_me} better than {friend} {family}, {a} {trait} {kind2} who [could keep a "
        "secret|loved {game}]."},
};
static const struct frame going[] = {
    {0, "{Hero} {walked} past {scene} to the {place}, {quickly}."},
    {0, "{Soon} {hero} [was standing|stood] {at}, where {he} [heard|could hear] {sound}."},
    {0, "{Hero} {walked} to the {place}, past {scene} and {scene}."},
    {0, "The way to the {place} was [long|short|steep|muddy|familiar], and {hero} [saw|noticed] {scene} and "
        "{number} {bird}s."},
    {0, "{Soon} {he} came to the {place}. [All|The only thing] that {he} could hear was {sound}. [Nearby|Not "
        "far away] {he} [saw|noticed] {scene}."},
    {0, "{Hero} put {food} in {a} {color} {container} and {walked} to the {place}."},
    {MERRY,
     "[Next|Then] {hero} {walked} to the {place}, [whistling|humming] {a} {praise} tune about {dream}."},
    {0, "{Quickly}, {hero} {walked} [along|down] the lane to the {place}, where {sound} [could be "
        "heard|filled the air]."},
    {0, "{He} took the [short|long|quiet|dusty] way to the {place} and met only {a} {bird} and {a} {trait} "
        "{traveller} on the way."},
    {0, "{He} {walked} to the {place} past {scene} without stopping, [though|although] {he} was "
        "[tired|hungry|out of breath]."},
};
static const struct frame meal[] = {
    {WITH_FRIEND, "{Pair} shared {food}, {food}, and {food} with {person} and {person}."},
    {WITH_FRIEND, "Afterwards {they} sat under {a} {tree} tree and shared {food} and {drink} with {person}, "
                  "{person}, and {person}."},
    {WITH_FRIEND, "{They} had {food}, {food}, and {a} jug of {drink}, and {they} played {game} [until "
                  "dark|until the lamps were lit]."},
    {0, "At home there was {food} and a cup of {drink} for {hero_me}, and {food} for {person}, who had come "
        "with {drink}."},
    {0, "{Person} and {person} came by, and {hero} ate {food} and {food} with them."},
    {0, "For supper {he} had {food} and [some|plenty of] {drink}, and {person} brought {food}."},
};
static const struct frame interlude[] = {
    {0, "{Person} and {person} were [leaning against|sitting near|standing behind|resting beside|playing "
        "behind|talking beside] {a} {worn} {hideout} and [waved|nodded|called good day|sang about {dream}]."},
    {0, "On the road {he} [passed|saw|noticed] {scene}, {scene}, and {scene}."},
    {0, "{Hero} had [dreamed|been thinking] of {dream}, and {his} {relative} of {dream}."},
    {0,
     "{A} {trait} {traveller} was selling {number} {color} {container}s, {number} {color} caps, and {food}."},
    {0, "From {a} {color} window came the smell of {food}, and [behind it|inside] {person} was singing about "
        "{dream}."},
    {0, "In {person}'s window stood {a} {color} {container}, {a} {worn} {litter}, and {food}."},
    {0, "{Person} the {trait} {traveller} [told|asked] everyone about {dream}, but {person} only {smiled}."},
    {0, "Outside {person}'s {color} house were {scene} and {scene}."},
};
static const struct frame feeling[] = {
    {0,
     "{Hero} was so {feeling} that {he} [could not stop smiling|danced down the lane|hummed {a} {praise} "
     "tune|hugged {a} {tree} tree|gave {food} to {a} {trait} {traveller}|jumped over {a} {worn} {hideout}]."},
    {0, "{Hero} felt {feeling}, and even the {color} [roofs|fences|gates] looked [brighter|friendlier] than "
        "before."},
    {0, "Never before had {hero} been so {feeling}, and never had {food} smelled so {praise}."},
    {0, "\"I am {feeling}!\" {hero} [cried|called|said]."},
    {0, "{He} {walked} past {scene} and {scene}, and [to {him}|to {his} eyes] everything looked {praise}."},
};

#define POOL(frames)                                                                                         \
    {                                                                                                        \
        frames, (int)(sizeof frames / sizeof *frames)                                                        \
    }

const struct pool story_setting_pools[POOLS] = {
    [TALE_OPENING] = POOL(tale_opening),
    [BEDTIME_OPENING] = POOL(bedtime_opening),
    [DIARY_OPENING] = POOL(diary_opening),
    [LETTER_OPENING] = POOL(letter_opening),
    [NEWS_OPENING] = POOL(news_opening),
    [REPORT_OPENING] = POOL(report_opening),
    [DIALOGUE_OPENING] = POOL(dialogue_opening),
    [PLAIN_OPENING] = POOL(plain_opening),
    [MEMORY_OPENING] = POOL(memory_opening),
    [TALE_CLOSING] = POOL(tale_closing),
    [BEDTIME_CLOSING] = POOL(bedtime_closing),
    [DIARY_CLOSING] = POOL(diary_closing),
    [LETTER_CLOSING] = POOL(letter_closing),
    [NEWS_CLOSING] = POOL(news_closing),
    [REPORT_CLOSING] = POOL(report_closing),
    [DIALOGUE_CLOSING] = POOL(dialogue_closing),
    [PLAIN_CLOSING] = POOL(plain_closing),
    [MEMORY_CLOSING] = POOL(memory_closing),
    [DIALOGUE_QUESTION] = POOL(dialogue_question),
    [WEATHER] = POOL(weather),
    [PET_INTRODUCTION] = POOL(pet_introduction),
    [PET_ANTIC] = POOL(pet_antic),
    [FRIEND_INTRODUCTION] = POOL(friend_introduction),
    [GOING] = POOL(going),
    [MEAL] = POOL(meal),
    [FEELING] = POOL(feeling),
    [INTERLUDE] = POOL(interlude),
};
