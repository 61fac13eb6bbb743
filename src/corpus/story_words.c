/* The words of the small world by category. A slot draws from one of these lists; nouns stand without article
 * unless the list says so, and every word of a list fits wherever another one does. */
#include "story_parts.h"

static const char *const girl_names[] = {
    "Ada",   "Agnes",  "Alma",   "Amelia", "Anna",  "Bella",  "Bertha", "Betty",  "Cora",  "Clara", "Daisy",
    "Della", "Dora",   "Edith",  "Ella",   "Elsa",  "Emma",   "Esther", "Eva",    "Fiona", "Flora", "Freya",
    "Greta", "Hanna",  "Hattie", "Hazel",  "Helen", "Ida",    "Ingrid", "Isabel", "Ivy",   "Jane",  "Josie",
    "Julia", "June",   "Katie",  "Laura",  "Lena",  "Lily",   "Linda",  "Lottie", "Lucy",  "Mabel", "Maggie",
    "Maria", "Martha", "Mary",   "Mila",   "Mina",  "Molly",  "Nancy",  "Nell",   "Nina",  "Nora",  "Olga",
    "Polly", "Rosa",   "Ruth",   "Sally",  "Selma", "Sophie", "Stella", "Tilda",  "Wanda",
};
static const char *const boy_names[] = {
    "Adam",   "Albert", "Alfred",  "Anton",  "Arthur", "Basil",  "Ben",    "Bruno",  "Carl",    "Caleb",
    "Conrad", "Daniel", "David",   "Edgar",  "Edmund", "Edwin",  "Emil",   "Eric",   "Felix",   "Frank",
    "Fred",   "George", "Gilbert", "Gregor", "Harold", "Harry",  "Hector", "Henry",  "Hugo",    "Ivan",
    "Jack",   "Jacob",  "Jasper",  "John",   "Joseph", "Julian", "Kurt",   "Leo",    "Leonard", "Liam",
    "Luke",   "Martin", "Max",     "Milo",   "Ned",    "Noah",   "Olaf",   "Oliver", "Oscar",   "Otto",
    "Owen",   "Paul",   "Peter",   "Philip", "Ralph",  "Robert", "Robin",  "Rufus",  "Samuel",  "Simon",
    "Theo",   "Toby",   "Victor",  "Walter",
};
static const char *const family_names[] = {
    "Alder",   "Appleby",   "Ashdown", "Barley", "Beech",   "Bellamy", "Birch",  "Bracken",  "Briar",
    "Burdock", "Clover",    "Cobb",    "Crane",  "Dale",    "Dove",    "Elm",    "Fairfax",  "Fenn",
    "Finch",   "Flint",     "Frost",   "Gale",   "Goodwin", "Grove",   "Hale",   "Hawthorn", "Heath",
    "Holly",   "Kettle",    "Lark",    "Linden", "Marsh",   "Merry",   "Millet", "Moss",     "Nettle",
    "Oakley",  "Partridge", "Pepper",  "Pike",   "Plum",    "Quill",   "Reed",   "Rook",     "Rowan",
    "Sorrel",  "Sparrow",   "Stone",   "Swift",  "Tansy",   "Thistle", "Thorn",  "Tuttle",   "Wells",
    "Wick",    "Winter",    "Wren",    "Yarrow",
};
static const char *const villages[] = {
    "Applewick",  "Ashford",     "Badgerton", "Barrow",      "Birchmoor",   "Bluewater",   "Bramble Hill",
    "Brightwell", "Broadmead",   "Brookside", "Cherryfield", "Cloverdale",  "Coldspring",  "Cranbrook",
    "Crowden",    "Deepwell",    "Dunmore",   "Eastbrook",   "Elderby",     "Fairhaven",   "Fernley",
    "Foxhollow",  "Goosegreen",  "Greenhill", "Hartwell",    "Hazelby",     "Heronsford",  "Highmoor",
    "Honeywood",  "Kingsbridge", "Larkrise",  "Littlebeck",  "Longmeadow",  "Maplewood",   "Marlow",
    "Millbrook",  "Mossbank",    "Netherby",  "Northcote",   "Oakham",      "Otterbourne", "Pebblestone",
    "Pinewood",   "Quarley",     "Redcliff",  "Riverton",    "Rookhope",    "Rosewell",    "Sandford",
    "Seaton",     "Silverdale",  "Snowdon",   "Southwold",   "Springfield", "Stonebridge", "Swanmere",
    "Thornby",    "Underhill",   "Westbury",  "Whitby",      "Willowbank",  "Windermoor",  "Woodbury",
    "Yewdale",
};
static const char *const pet_names[] = {
    "Acorn",   "Bandit",  "Biscuit", "Bramble", "Button",   "Caramel",  "Cinder",  "Cookie", "Cotton",
    "Crumb",   "Domino",  "Dusty",   "Ginger",  "Hazelnut", "Jingle",   "Mango",   "Marble", "Mischief",
    "Muffin",  "Mustard", "Nibble",  "Noodle",  "Nutmeg",   "Patch",    "Pebble",  "Pickle", "Pudding",
    "Pumpkin", "Raisin",  "Rusty",   "Shadow",  "Smoky",    "Snowball", "Socks",   "Spot",   "Sprout",
    "Thimble", "Toffee",  "Truffle", "Twig",    "Velvet",   "Waffle",   "Whisper", "Ziggy",
};
static const char *const traits[] = {
    "brave",   "careful",   "cheerful",     "clever",   "curious",   "dreamy",
    "eager",   "friendly",  "funny",        "gentle",   "helpful",   "honest",
    "hopeful", "kind",      "lively",       "merry",    "modest",    "patient",
    "playful", "polite",    "proud",        "quiet",    "restless",  "sensible",
    "shy",     "stubborn",  "thoughtful",   "tidy",     "untidy",    "warm-hearted",
    "wise",    "forgetful", "hard-working", "generous", "talkative", "absent-minded",
};
static const char *const feelings[] = {
    "happy", "glad",     "proud",     "grateful",      "cheerful", "thankful", "content", "delighted",
    "merry", "relieved", "overjoyed", "light-hearted", "pleased",  "calm",     "hopeful", "lucky",
};
static const char *const sad_feelings[] = {
    "sad",   "worried",  "lonely",  "upset",       "anxious",      "miserable", "unhappy",  "gloomy",
    "sorry", "hopeless", "ashamed", "heartbroken", "disappointed", "troubled",  "helpless", "downhearted",
};
static const char *const colors[] = {
    "red",       "blue",  "green", "yellow", "purple", "orange",  "white",   "black",
    "brown",     "grey",  "pink",  "golden", "silver", "scarlet", "crimson", "violet",
    "turquoise", "cream", "amber", "ivory",  "lilac",  "emerald",
};
static const char *const sizes[] = {
    "small", "little", "tiny", "big", "large", "huge", "tall", "wide", "narrow", "heavy", "light", "round",
};
static const char *const foods[] = {
    "a loaf of bread",     "a slice of honey cake", "a boiled egg",        "a jar of plum jam",
    "a piece of cheese",   "an apple pie",          "a bowl of soup",      "a bag of nuts",
    "a ginger biscuit",    "a ripe pear",           "a cheese roll",       "an onion tart",
    "a bunch of grapes",   "a pot of stew",         "a stack of pancakes", "a cherry bun",
    "an oat cake",         "a baked potato",        "a carrot cake",       "a bowl of porridge",
    "a leek pie",          "a raisin scone",        "a dish of dumplings", "a poppy seed roll",
    "an almond cookie",    "a walnut loaf",         "a lemon tart",        "a plate of noodles",
    "a roasted chestnut",  "a mushroom pie",        "a sack of peas",      "a cinnamon bun",
    "a blackberry muffin", "a pumpkin pie",         "a butter sandwich",   "a cucumber sandwich",
    "a turnip pasty",      "a slice of melon",      "a barley cake",       "an apricot dumpling",
};
static const char *const drinks[] = {
    "warm milk",  "apple juice", "mint tea", "hot chocolate", "ginger beer", "lemonade",
    "cold water", "berry juice", "cider",    "honey tea",     "buttermilk",  "elderflower tea",
};
static const char *const flowers[] = {
    "roses",      "daisies",     "tulips",    "violets",   "poppies",    "lilies",
    "bluebells",  "primroses",   "snowdrops", "pansies",   "asters",     "marigolds",
    "buttercups", "cornflowers", "foxgloves", "daffodils", "sunflowers", "geraniums",
};
static const char *const trees[] = {
    "oak", "elm",   "birch",  "willow", "maple", "chestnut", "pine",   "fir",   "beech",
    "ash", "larch", "poplar", "cedar",  "rowan", "walnut",   "linden", "alder", "spruce",
};
static const char *const birds[] = {
    "robin",    "sparrow",     "blackbird", "swallow",    "wren",    "owl",   "pigeon",
    "starling", "lark",        "cuckoo",    "woodpecker", "seagull", "raven", "jay",
    "stork",    "nightingale", "linnet",    "magpie",     "crow",    "dove",
};
static const char *const relatives[] = {
    "grandmother", "grandfather", "mother", "father",    "aunt",      "uncle",
    "sister",      "brother",     "cousin", "godmother", "godfather", "neighbour",
};
static const char *const containers[] = {
    "basket", "bag",   "sack",   "bundle", "box",    "satchel", "knapsack",
    "pouch",  "crate", "bucket", "chest",  "barrow", "cart",    "hamper",
};
static const char *const junk[] = {
    "rusty nail",     "old boot",     "broken cup",    "dead leaf",     "empty bottle",  "torn glove",
    "dusty rope",     "bent spoon",   "crooked stick", "grey feather",  "cracked plate", "lost button",
    "snail shell",    "wet sock",     "pine cone",     "rotten plank",  "chipped brick", "old newspaper",
    "tangled string", "empty barrel", "broken wheel",  "cobweb",        "heap of ashes", "pile of straw",
    "mossy log",      "puddle",       "sleeping cat",  "startled frog",
};
static const char *const numbers[] = {
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "twenty",
};
static const char *const ages[] = {"six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"};
static const char *const walked[] = {
    "walked", "ran",   "hurried", "strolled", "wandered", "marched", "rushed", "tramped",
    "hiked",  "raced", "dashed",  "trotted",  "plodded",  "went",    "headed", "jogged",
};
static const char *const smiled[] = {
    "smiled", "laughed", "grinned", "nodded", "beamed", "chuckled", "winked", "sighed",
};
static const char *const softly[] = {
    "softly",  "kindly",  "gently",   "cheerfully", "quietly",  "warmly",    "slowly",   "calmly",
    "happily", "gravely", "politely", "firmly",     "honestly", "earnestly", "brightly", "thoughtfully",
};
static const char *const quickly[] = {
    "eagerly",    "bravely",   "quietly",      "boldly",    "silently",  "nervously",
    "cautiously", "hopefully", "thoughtfully", "carefully", "anxiously", "calmly",
};
static const char *const soon[] = {
    "Soon",           "Before long",     "After a while",      "A little later",
    "A moment later", "In no time",      "Some time later",    "Not long after",
    "Within minutes", "Within the hour", "After a short rest", "Shortly after",
};
static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
static const char *const ordinals[] = {
    "first",        "second",       "third",          "fourth",        "fifth",        "sixth",
    "seventh",      "eighth",       "ninth",          "tenth",         "eleventh",     "twelfth",
    "thirteenth",   "fourteenth",   "fifteenth",      "sixteenth",     "seventeenth",  "eighteenth",
    "nineteenth",   "twentieth",    "twenty-first",   "twenty-second", "twenty-third", "twenty-fourth",
    "twenty-fifth", "twenty-sixth", "twenty-seventh", "twenty-eighth",
};
static const char *const animals[] = {
    "dog", "puppy", "cat", "kitten", "goat", "donkey", "pony", "goose", "duck", "lamb", "hen", "rabbit",
};
static const char *const wild_animals[] = {
    "fox",  "hare",   "hedgehog", "mole",     "badger", "otter", "squirrel", "mouse",
    "bear", "beaver", "weasel",   "dormouse", "rabbit", "frog",  "toad",     "deer",
};
static const char *const vegetables[] = {
    "beans",    "carrots",  "cabbages", "onions",    "peas",  "pumpkins", "turnips",  "leeks",
    "potatoes", "tomatoes", "radishes", "cucumbers", "beets", "parsnips", "lettuces", "strawberries",
};
static const char *const warm_things[] = {
    "a thick blanket", "a wool scarf",  "a pair of mittens", "a warm hat",
    "a fur coat",      "a soft pillow", "a long cloak",      "a pair of boots",
    "a quilt",         "a raincoat",    "a pair of socks",   "a sheepskin",
};
static const char *const praise[] = {
    "wonderful",  "marvellous",  "splendid", "beautiful", "lovely", "remarkable",
    "delightful", "magnificent", "charming", "excellent", "fine",   "astonishing",
};
static const char *const sunny[] = {"sunny", "bright", "clear", "cloudless", "fair", "fine", "mild", "calm"};
static const char *const rainy[] = {"rainy", "wet", "grey", "drizzly", "damp", "dripping", "dull", "soggy"};
static const char *const windy[] = {
    "windy", "breezy", "blustery", "stormy", "gusty", "wild", "draughty", "rough",
};
static const char *const foggy[] = {"foggy", "misty", "hazy", "still", "silent", "murky", "dim", "gloomy"};
static const char *const snowy[] = {"snowy",    "frosty", "icy",  "white",
                                    "freezing", "bitter", "cold", "wintry"};
static const char *const metals[] = {
    "silver", "brass",    "copper", "iron",   "golden", "tin",
    "shiny",  "polished", "steel",  "bronze", "rusty",  "gleaming",
};
static const char *const woods[] = {
    "wooden",     "oak",    "carved", "painted", "walnut",    "pine",
    "cherrywood", "smooth", "maple",  "birch",   "varnished", "ash",
};
static const char *const cloths[] = {
    "woollen", "striped",   "red",    "blue",  "green",   "yellow",
    "purple",  "checkered", "velvet", "linen", "knitted", "patched",
};
static const char *const papers[] = {
    "old",     "torn",    "blue",  "folded", "yellowed", "thick",
    "printed", "painted", "dusty", "famous", "tattered", "unusual",
};
static const char *const pottery[] = {
    "glass", "china", "clay",  "crystal", "porcelain", "painted",
    "round", "blue",  "white", "green",   "spotted",   "glazed",
};
static const char *const newspapers[] = {
    "Messenger", "Herald", "Gazette", "Courier", "Observer", "Post", "Lantern", "Chronicle",
};
static const char *const dreams[] = {
    "flying over the hills",   "a ship with white sails",
    "a castle made of sugar",  "dancing bears",
    "a forest of glass",       "talking fish",
    "an island full of birds", "a ladder to the moon",
    "a garden under the sea",  "a kind giant",
    "a train made of clouds",  "an orchestra of crickets",
    "a staircase of stars",    "an ocean of flowers",
    "a friendly dragon",       "riding on a whale",
};
static const char *const games[] = {
    "hide and seek", "marbles",  "chess",    "cards", "skittles",
    "leapfrog",      "dominoes", "checkers", "tag",   "dice",
};

static const char *const garden_guests[] = {"hare",  "deer", "goat",  "rabbit",
                                            "snail", "hen",  "goose", "sheep"};
static const char *const travellers[] = {
    "pedlar", "pilgrim", "sailor", "soldier", "minstrel", "juggler", "tinker", "poet", "hunter", "fiddler",
};

#define LIST(words)                                                                                          \
    {                                                                                                        \
        words, (int)(sizeof words / sizeof *words)                                                           \
    }

const struct words story_words[CATEGORIES] = {
    [GIRL_NAMES] = LIST(girl_names),
    [BOY_NAMES] = LIST(boy_names),
    [FAMILY_NAMES] = LIST(family_names),
    [VILLAGES] = LIST(villages),
    [PET_NAMES] = LIST(pet_names),
    [TRAITS] = LIST(traits),
    [FEELINGS] = LIST(feelings),
    [SAD_FEELINGS] = LIST(sad_feelings),
    [COLORS] = LIST(colors),
    [SIZES] = LIST(sizes),
    [FOODS] = LIST(foods),
    [DRINKS] = LIST(drinks),
    [FLOWERS] = LIST(flowers),
    [TREES] = LIST(trees),
    [BIRDS] = LIST(birds),
    [RELATIVES] = LIST(relatives),
    [CONTAINERS] = LIST(containers),
    [JUNK] = LIST(junk),
    [NUMBERS] = LIST(numbers),
    [AGES] = LIST(ages),
    [WALKED] = LIST(walked),
    [SMILED] = LIST(smiled),
    [SOFTLY] = LIST(softly),
    [QUICKLY] = LIST(quickly),
    [SOON] = LIST(soon),
    [WEEKDAYS] = LIST(weekdays),
    [ORDINALS] = LIST(ordinals),
    [ANIMALS] = LIST(animals),
    [WILD_ANIMALS] = LIST(wild_animals),
    [VEGETABLES] = LIST(vegetables),
    [WARM_THINGS] = LIST(warm_things),
    [PRAISE] = LIST(praise),
    [SUNNY] = LIST(sunny),
    [RAINY] = LIST(rainy),
    [WINDY] = LIST(windy),
    [FOGGY] = LIST(foggy),
    [SNOWY] = LIST(snowy),
    [METALS] = LIST(metals),
    [WOODS] = LIST(woods),
    [CLOTHS] = LIST(cloths),
    [PAPERS] = LIST(papers),
    [POTTERY] = LIST(pottery),
    [NEWSPAPERS] = LIST(newspapers),
    [DREAMS] = LIST(dreams),
    [GAMES] = LIST(games),
    [GARDEN_GUESTS] = LIST(garden_guests),
    [TRAVELLERS] = LIST(travellers),
};
