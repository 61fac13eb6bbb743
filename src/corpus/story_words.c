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
    "brave",       "careful",   "cheerful",     "clever",   "curious",      "dreamy",
    "eager",       "friendly",  "funny",        "gentle",   "helpful",      "honest",
    "hopeful",     "kind",      "lively",       "merry",    "modest",       "patient",
    "playful",     "polite",    "proud",        "quiet",    "restless",     "sensible",
    "shy",         "stubborn",  "thoughtful",   "tidy",     "untidy",       "warm-hearted",
    "wise",        "forgetful", "hard-working", "generous", "talkative",    "absent-minded",
    "adventurous", "bold",      "bright",       "bashful",  "bright-eyed",  "calm",
    "careless",    "cautious",  "charming",     "daring",   "determined",   "earnest",
    "easy-going",  "energetic", "faithful",     "fearless", "good-natured", "humble",
    "impatient",   "inventive", "loyal",        "nimble",   "optimistic",   "serious",
    "sharp-eyed",  "sleepy",    "soft-hearted", "spirited",
};
static const char *const feelings[] = {
    "happy",     "glad",     "proud",  "grateful",      "cheerful", "thankful",      "content", "delighted",
    "merry",     "relieved", "joyful", "light-hearted", "pleased",  "lucky",         "excited", "jolly",
    "satisfied", "touched",  "amazed", "carefree",      "blissful", "high-spirited",
};
static const char *const sad_feelings[] = {
    "sad",         "worried",      "upset",     "anxious",     "miserable", "unhappy",     "gloomy",
    "heartbroken", "disappointed", "troubled",  "downhearted", "dismayed",  "discouraged", "distressed",
    "glum",        "sorrowful",    "desperate", "uneasy",      "wretched",  "crestfallen",
};
static const char *const colors[] = {
    "red",   "blue",  "green",  "yellow",   "purple",  "orange",  "white",  "black",     "brown",
    "grey",  "pink",  "golden", "silver",   "scarlet", "crimson", "violet", "turquoise", "cream",
    "amber", "ivory", "lilac",  "emerald",  "maroon",  "navy",    "olive",  "beige",     "copper",
    "peach", "rosy",  "ruby",   "sapphire", "mauve",   "indigo",  "azure",
};
static const char *const sizes[] = {"small", "little",   "tiny",  "big",     "large",
                                    "huge",  "enormous", "giant", "massive", "good-sized"};
static const char *const foods[] = {
    "{a} {fresh} {sweet} {dessert}",
    "{a} {fresh} {savoury} {hearty}",
    "{a} [bowl|pot|plate|dish] of {savoury} [soup|stew|porridge|salad]",
    "{a} [slice|piece|tray|plate] of {tasty} {sweet} [cake|bread|pudding]",
    "{a} [slice|piece] of {tasty} bread with {sweet} [jam|jelly|cream|syrup]",
    "{a} {fresh} {savoury} [sandwich|roll|pasty|omelette]",
    "{a} {fresh} {sweet} [bun|tart|cookie|pancake]",
    "{a} [bag|box|bowl|paper bag] of {tasty} [nuts|cherries|plums|grapes|figs|dates|raisins|apricots]",
};
static const char *const drinks[] = {
    "warm milk",  "apple juice",     "mint tea",    "hot chocolate", "ginger beer",
    "lemonade",   "cold water",      "berry juice", "cider",         "honey tea",
    "buttermilk", "elderflower tea", "pear juice",  "cocoa",         "barley water",
    "rose tea",   "ginger tea",      "plum juice",  "cherry juice",  "spring water",
};
static const char *const flowers[] = {
    "roses",     "daisies",    "tulips",     "violets",   "poppies",   "lilies",     "bluebells",
    "primroses", "snowdrops",  "pansies",    "asters",    "marigolds", "buttercups", "cornflowers",
    "foxgloves", "daffodils",  "sunflowers", "geraniums", "crocuses",  "peonies",    "irises",
    "dahlias",   "carnations", "orchids",    "hyacinths", "lupins",    "petunias",   "begonias",
};
static const char *const trees[] = {
    "oak",     "elm",      "birch",    "willow",  "maple",  "chestnut", "pine",   "fir",    "beech", "ash",
    "larch",   "poplar",   "cedar",    "rowan",   "walnut", "linden",   "alder",  "spruce", "hazel", "yew",
    "juniper", "hawthorn", "sycamore", "cypress", "plum",   "pear",     "cherry", "quince",
};
static const char *const birds[] = {
    "robin",  "sparrow",    "blackbird",  "swallow", "wren", "owl",   "pigeon",      "starling",   "lark",
    "cuckoo", "woodpecker", "seagull",    "raven",   "jay",  "stork", "nightingale", "linnet",     "magpie",
    "crow",   "dove",       "kingfisher", "falcon",  "hawk", "swift", "plover",      "turtledove",
};
static const char *const relatives[] = {
    "grandmother", "grandfather", "mother",     "father",      "aunt",      "uncle",
    "sister",      "brother",     "cousin",     "godmother",   "godfather", "neighbour",
    "stepmother",  "stepfather",  "great-aunt", "great-uncle",
};
static const char *const containers[] = {
    "basket", "bag",  "sack", "bundle", "satchel", "knapsack", "crate",  "bucket",   "chest",
    "hamper", "case", "tin",  "trunk",  "parcel",  "purse",    "carton", "rucksack", "haversack",
};
static const char *const junk[] = {
    "{worn} {litter}",
};
static const char *const numbers[] = {
    "two",     "three",     "four",     "five",     "six",      "seven",    "eight",
    "nine",    "ten",       "eleven",   "twelve",   "thirteen", "fourteen", "fifteen",
    "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
};
static const char *const ages[] = {"six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"};
static const char *const walked[] = {
    "walked",  "ran",    "hurried", "strolled",  "wandered", "marched", "rushed", "tramped",
    "hiked",   "raced",  "dashed",  "trotted",   "plodded",  "went",    "headed", "jogged",
    "rambled", "strode", "sped",    "sauntered", "scurried", "trudged", "ambled", "bustled",
};
static const char *const smiled[] = {
    "smiled", "laughed", "grinned", "nodded", "beamed", "chuckled", "winked", "blushed",
};
static const char *const softly[] = {
    "softly",         "kindly",    "gently",   "cheerfully",   "quietly",   "warmly",
    "slowly",         "calmly",    "happily",  "gravely",      "politely",  "firmly",
    "honestly",       "earnestly", "brightly", "thoughtfully", "eagerly",   "gladly",
    "good-naturedly", "jokingly",  "merrily",  "mildly",       "patiently", "pleasantly",
    "proudly",        "seriously", "sweetly",  "solemnly",     "tenderly",  "wisely",
};
static const char *const quickly[] = {
    "eagerly",     "bravely",    "quietly",      "boldly",     "silently",   "nervously",
    "cautiously",  "hopefully",  "thoughtfully", "carefully",  "anxiously",  "calmly",
    "attentively", "dutifully",  "earnestly",    "fearlessly", "patiently",  "resolutely",
    "seriously",   "stubbornly", "tirelessly",   "willingly",  "wordlessly", "valiantly",
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
    "fox",    "hare",     "hedgehog", "mole", "badger", "otter", "squirrel", "mouse",  "bear", "beaver",
    "weasel", "dormouse", "rabbit",   "frog", "toad",   "deer",  "raccoon",  "marten", "lynx", "ferret",
};
static const char *const vegetables[] = {
    "beans",    "carrots",  "cabbages", "onions",    "peas",  "pumpkins", "turnips",  "leeks",
    "potatoes", "tomatoes", "radishes", "cucumbers", "beets", "parsnips", "lettuces", "strawberries",
};
static const char *const warm_things[] = {
    "a wool scarf",     "a pair of mittens", "a warm hat",      "a fur coat",         "a long cloak",
    "a pair of boots",  "a raincoat",        "a pair of socks", "a straw hat",        "a warm shawl",
    "a leather jacket", "a pair of gloves",  "a thick sweater", "a woollen waistcoat"};
static const char *const praise[] = {
    "wonderful",  "marvellous",  "splendid",   "beautiful",  "lovely",        "remarkable",
    "delightful", "magnificent", "charming",   "excellent",  "fine",          "astonishing",
    "amazing",    "fantastic",   "glorious",   "superb",     "extraordinary", "fabulous",
    "heavenly",   "impressive",  "incredible", "enchanting",
};
static const char *const sunny[] = {"sunny", "bright", "clear", "cloudless", "fair", "fine", "mild", "calm"};
static const char *const rainy[] = {"rainy", "wet", "grey", "drizzly", "damp", "dripping", "dull", "soggy"};
static const char *const windy[] = {
    "windy", "breezy", "blustery", "stormy", "gusty", "wild", "squally", "rough",
};
static const char *const foggy[] = {"foggy", "misty", "hazy", "still", "silent", "murky", "dim", "gloomy"};
static const char *const snowy[] = {"snowy",    "frosty", "icy",  "white",
                                    "freezing", "bitter", "cold", "wintry"};
static const char *const metals[] = {
    "silver",   "brass", "copper", "iron",   "golden",   "tin",    "shiny",
    "polished", "steel", "bronze", "bright", "gleaming", "pewter", "nickel",
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
    "leather-bound", "square",  "blue",       "folded", "yellowed", "thick",
    "printed",       "painted", "hand-drawn", "slim",   "handsome", "illustrated",
};
static const char *const pottery[] = {
    "glass", "china", "clay",  "crystal", "porcelain", "painted",
    "round", "blue",  "white", "green",   "spotted",   "glazed",
};
static const char *const newspapers[] = {
    "Messenger", "Herald", "Gazette", "Courier", "Observer", "Post", "Lantern", "Chronicle",
};
static const char *const dreams[] = {
    "{a} {color} {dreamer} [on|under|behind|above|inside|beside] {a} {size} {dreamplace}",
};
static const char *const games[] = {
    "hide and seek", "marbles", "chess", "cards",     "skittles", "leapfrog", "dominoes",
    "checkers",      "tag",     "dice",  "hopscotch", "ball",     "charades", "blind man's buff",
    "draughts",      "bowls",   "hoops", "riddles",   "darts",    "catch",
};

static const char *const garden_guests[] = {"hare",  "deer", "goat",  "rabbit",
                                            "snail", "hen",  "goose", "sheep"};
static const char *const travellers[] = {
    "pedlar", "pilgrim", "sailor", "soldier", "minstrel", "juggler", "tinker", "poet", "hunter", "fiddler",
};

static const char *const sweets[] = {
    "apple",      "pear",       "plum",     "cherry",   "honey",  "raspberry", "strawberry", "blackberry",
    "blueberry",  "apricot",    "peach",    "lemon",    "orange", "ginger",    "cinnamon",   "raisin",
    "poppy seed", "vanilla",    "chestnut", "hazelnut", "almond", "walnut",    "quince",     "fig",
    "rhubarb",    "gooseberry", "currant",  "butter",   "oat",    "caramel",   "chocolate",  "coconut",
};
static const char *const desserts[] = {
    "pie",     "tart",     "cake",   "bun",    "biscuit", "muffin",  "scone",    "pudding",
    "pancake", "turnover", "cookie", "pastry", "waffle",  "crumble", "dumpling", "wafer",
};
static const char *const savouries[] = {
    "cheese", "onion",  "leek",    "mushroom", "carrot", "potato", "cabbage", "spinach",
    "bean",   "pea",    "beet",    "turnip",   "garlic", "herb",   "tomato",  "pumpkin",
    "barley", "lentil", "chicken", "ham",      "egg",    "fish",   "celery",  "pepper",
};
static const char *const hearty_dishes[] = {
    "pie",    "tart",     "roll", "pasty",    "dumpling", "pancake",
    "pastry", "sandwich", "bun",  "omelette", "loaf",     "salad",
};
static const char *const fresh[] = {
    "warm", "fresh", "crisp",    "small", "soft",   "golden",   "delicious", "tasty", "hot",    "cold",
    "huge", "thick", "homemade", "tiny",  "sticky", "fragrant", "crumbly",   "spicy", "creamy",
};
static const char *const dreamers[] = {
    "ship",       "dragon",    "castle",    "whale",    "giant",   "garden",  "train",   "island",
    "forest",     "bear",      "tower",     "elephant", "lion",    "bridge",  "bird",    "kingdom",
    "horse",      "clock",     "palace",    "carousel", "village", "mermaid", "unicorn", "piano",
    "lighthouse", "orchestra", "staircase", "kite",     "turtle",  "camel",   "balloon", "tiger",
};
static const char *const dream_places[] = {
    "waterfall", "mountain", "cloud", "rainbow", "volcano", "mushroom", "snowflake", "lake",
    "star",      "moon",     "ocean", "teapot",  "hill",    "desert",   "river",     "glacier",
    "meadow",    "iceberg",  "bell",  "cave",    "comet",   "chimney",  "tulip",     "pyramid",
};
static const char *const worn[] = {
    "rusty",     "broken", "old",    "bent",  "dusty",     "cracked", "muddy",      "forgotten",
    "faded",     "mouldy", "wet",    "dirty", "chipped",   "crooked", "lost",       "scratched",
    "crumbling", "dented", "shabby", "mossy", "weathered", "damaged", "worm-eaten", "ancient",
};
static const char *const litter[] = {
    "nail",   "boot",   "cup",       "bottle", "glove",  "spoon",     "stick",  "shoe",     "plate",
    "button", "shell",  "sock",      "plank",  "brick",  "newspaper", "barrel", "wheel",    "bucket",
    "hat",    "hinge",  "horseshoe", "pot",    "candle", "brush",     "comb",   "umbrella", "doll",
    "tin",    "coin",   "toy",       "fork",   "basket", "pan",       "lid",    "belt",     "rope",
    "chain",  "pencil", "hook",      "saw",    "funnel", "ladle",     "sieve",  "padlock",
};
static const char *const hideouts[] = {
    "barrel", "crate", "bench",  "bush",  "wall",    "gate",        "wagon",    "cart",
    "log",    "rock",  "statue", "hedge", "boat",    "stone",       "signpost", "fence",
    "trough", "shed",  "trunk",  "stump", "rowboat", "wheelbarrow", "post",     "beam",
};
static const char *const furs[] = {
    "black",   "white", "brown",    "grey",  "ginger",   "spotted",
    "striped", "tawny", "speckled", "cream", "chestnut", "dappled",
};
static const char *const herds[] = {
    "cows",    "goats", "sheep",   "hens",    "geese",  "ponies",  "ducks",   "pigeons",
    "donkeys", "lambs", "kittens", "puppies", "calves", "turkeys", "rabbits", "chickens",
};
static const char *const said[] = {"said", "remarked", "declared", "announced", "observed"};
static const char *const scenes[] = {
    "{a} {worn} {hideout}",
    "{a} {size} {tree} tree",
    "{number} {fur} {herd}",
    "{a} {color} [gate|fence|cottage|wagon|signpost|garden|window|door]",
    "a drawing of {flower} on {a} {worn} {hideout}",
    "{a} {trait} {traveller} with {a} {color} {container}",
    "{a} {worn} {litter}",
    "{a} {fur} [dog|cat|cow|horse|goat|hen] on {a} {worn} {hideout}",
};
static const char *const looks[] = {"small",   "little",   "old",     "fine",     "pretty",
                                    "simple",  "strange",  "rare",    "splendid", "plain",
                                    "curious", "lucky",    "elegant", "handy",    "sturdy",
                                    "dainty",  "precious", "humble",  "ordinary", "graceful"};
static const char *const tasty[] = {"warm", "fresh",    "soft",     "delicious", "tasty",
                                    "cold", "homemade", "fragrant", "excellent"};
static const char *const virtues[] = {
    "brave",        "kind",       "clever",       "helpful", "honest",     "patient",      "wise",
    "gentle",       "thoughtful", "generous",     "loyal",   "fearless",   "hard-working", "faithful",
    "good-natured", "friendly",   "warm-hearted", "polite",  "courageous", "trustworthy"};

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
    [SWEETS] = LIST(sweets),
    [DESSERTS] = LIST(desserts),
    [SAVOURIES] = LIST(savouries),
    [HEARTY_DISHES] = LIST(hearty_dishes),
    [FRESH] = LIST(fresh),
    [DREAMERS] = LIST(dreamers),
    [DREAM_PLACES] = LIST(dream_places),
    [WORN] = LIST(worn),
    [LITTER] = LIST(litter),
    [HIDEOUTS] = LIST(hideouts),
    [FURS] = LIST(furs),
    [HERDS] = LIST(herds),
    [SAID] = LIST(said),
    [SCENES] = LIST(scenes),
    [LOOKS] = LIST(looks),
    [VIRTUES] = LIST(virtues),
    [TASTY] = LIST(tasty),
};
