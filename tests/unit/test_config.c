/* The option table, YAML, overrides and the messages of everything that can be wrong with them. */
#include "llmpi/base/file.h"
#include "llmpi/base/random.h"
#include "llmpi/config/config.h"
#include "llmpi/config/options.h"
#include "llmpi/config/yaml_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum status parse(struct config *config, const char *yaml, const char *override)
{
    struct string_list overrides = {0};
    if (override != NULL)
        assert_int_equal(string_list_add(&overrides, override), STATUS_OK);
    enum status status = config_parse(config, yaml, strlen(yaml), "f.yaml", &overrides);
    string_list_free(&overrides);
    return status;
}

/* Parses and expects this very message; NULL: success. */
static void expect(const char *yaml, const char *override, const char *message)
{
    struct config config;
    enum status status = parse(&config, yaml, override);
    if (message == NULL && status != STATUS_OK)
        fail_msg("%s | %s: %s", yaml, override != NULL ? override : "", status_message());
    if (message != NULL) {
        if (status == STATUS_OK)
            fail_msg("%s | %s: accepted, but should say: %s", yaml, override != NULL ? override : "",
                     message);
        assert_string_equal(status_message(), message);
        assert_int_equal(status, STATUS_USAGE);
    }
    config_free(&config);
}

static void test_defaults(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(config_load(&config, NULL, NULL), STATUS_OK);
    assert_string_equal(config.corpus.text_field, "text");
    assert_int_equal(config.corpus.inputs.count, 0);
    assert_int_equal(config.tokenizer.special_tokens.count, 1);
    assert_string_equal(config.tokenizer.special_tokens.items[0], "<|endoftext|>");
    assert_int_equal(config.model.n_head, 5);
    assert_true(config.model.bias);
    assert_true(config.train.epsilon == 1e-8);
    assert_int_equal(config.train.schedule, SCHEDULE_COSINE);
    config_free(&config);
    for (int i = 0; i < 3; i++)
        expect((const char *[]){"", "# only a comment\n", "---\n"}[i], NULL, NULL);
}

/* Choices are stored as their index, which must be the enum's value. */
static void test_choices_are_the_enums(void **state)
{
    (void)state;
    struct config c;
    assert_int_equal(parse(&c,
                           "run: {bind: none}\ncorpus: {on_error: skip, split: tail}\n"
                           "train: {sampling: sequential, schedule: wsd, decay_steps: 1, precision: fp32}\n",
                           NULL),
                     STATUS_OK);
    assert_int_equal(c.run.bind, RUN_BIND_NONE);
    assert_int_equal(c.corpus.on_error, CORPUS_ERRORS_SKIP);
    assert_int_equal(c.corpus.split, SPLIT_TAIL);
    assert_int_equal(c.clean.compression, CLEAN_ZSTD);
    assert_int_equal(c.tokenizer.kind, TOKENIZER_BPE);
    assert_int_equal(c.train.sampling, SAMPLING_SEQUENTIAL);
    assert_int_equal(c.train.schedule, SCHEDULE_WSD);
    assert_int_equal(c.train.precision, PRECISION_FP32);
    config_free(&c);
    assert_int_equal(
        parse(&c, "clean: {compression: gzip}\ntrain: {sampling: random, schedule: linear}\n", NULL),
        STATUS_OK);
    assert_int_equal(c.clean.compression, CLEAN_GZIP);
    assert_int_equal(c.train.sampling, SAMPLING_RANDOM);
    assert_int_equal(c.train.schedule, SCHEDULE_LINEAR);
    config_free(&c);
    assert_int_equal(parse(&c, "train: {sampling: epoch, schedule: constant}\n", NULL), STATUS_OK);
    assert_int_equal(c.train.sampling, SAMPLING_EPOCH);
    assert_int_equal(c.train.schedule, SCHEDULE_CONSTANT);
    config_free(&c);
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *option, *value;
        bool fine;
    } rows[] = {
        {"train.steps", "100", true},
        {"train.steps", "-0", false}, /* below 1 */
        {"train.steps", "0", false},
        {"train.steps", "1000000001", false},
        {"train.steps", "1e3", false},
        {"train.steps", "1_000", false},
        {"train.steps", "2k", false},
        {"train.steps", "12 ", false},
        {"train.steps", " 12", false},
        {"train.steps", "+12", false},
        {"train.steps", "012", false},
        {"train.steps", "0x10", false},
        {"train.steps", "1.0", false},
        {"train.steps", "", false},
        {"train.steps", "-", false},
        {"run.seed", "9223372036854775807", true},
        {"run.seed", "9223372036854775808", false},
        {"run.seed", "-1", false},
        {"train.learning_rate", "6e-4", true},
        {"train.learning_rate", "1E-3", true},
        {"train.learning_rate", "10", true},
        {"train.learning_rate", "0", false}, /* the interval is open there */
        {"train.learning_rate", "nan", false},
        {"train.learning_rate", "inf", false},
        {"train.learning_rate", "0x1p-3", false},
        {"train.learning_rate", "1e-3x", false},
        {"train.learning_rate", "1e-999", false},
        {"train.grad_clip", "1e999", false},
        {"train.grad_clip", "1e300", true},
        {"model.dropout", "0.99", true},
        {"model.dropout", "1", false},
        {"sample.top_p", "1", true},
        {"sample.top_p", "0", false},
        {"model.bias", "true", true},
        {"model.bias", "false", true},
        {"model.bias", "yes", false},
        {"model.bias", "1", false},
        {"corpus.split", "hash", true},
        {"corpus.split", "has", false},
        {"corpus.split", "hash|tail", false},
        {"corpus.split", "", false},
        {"run.directory", "", false},
        {"shards.begin_token", "", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128], message[256], allowed[160];
        snprintf(text, sizeof text, "--%s=%s", rows[i].option, rows[i].value);
        snprintf(message, sizeof message, "command line: %s is '%s' but must be %s", rows[i].option,
                 rows[i].value, option_describe(option_find(rows[i].option), allowed));
        expect("", text, rows[i].fine ? NULL : message);
    }
}

static void test_messages(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *override, *message;
    } rows[] = {
        {"train:\n  steps: 0\n", NULL,
         "f.yaml:2: train.steps is '0' but must be a whole number in [1, 1000000000]"},
        {"train:\n  steps:\n", NULL,
         "f.yaml:2: train.steps is '' but must be a whole number in [1, 1000000000]"},
        {"train:\n  schedule: sine\n", NULL,
         "f.yaml:2: train.schedule is 'sine' but must be one of cosine|linear|constant|wsd"},
        {"run:\n  directory: \"\"\n", NULL,
         "f.yaml:2: run.directory is '' but must be a text that is not empty"},
        {"model:\n  bias: 1\n", NULL, "f.yaml:2: model.bias is '1' but must be true or false"},
        {"train:\n  stesp: 5\n", NULL,
         "f.yaml:2: unknown option 'train.stesp'; the nearest is 'train.steps'"},
        {"train:\n  n_layer: 5\n", NULL,
         "f.yaml:2: unknown option 'train.n_layer'; the nearest is 'model.n_layer'"},
        {"\n\ntrian:\n  steps: 5\n", NULL, "f.yaml:3: unknown section 'trian'; the nearest is 'train'"},
        {"", "--train.stesp=5", "command line: unknown option 'train.stesp'; the nearest is 'train.steps'"},
        {"", "--train.steps", "command line: '--train.steps' must have the form --section.key=value"},
        {"", "--sample.prompts=a\xff", "command line: the value is not valid UTF-8"},
        {"train:\n  steps: 5\n  seed: 1\n  steps: 6\n", NULL,
         "f.yaml:3: unknown option 'train.seed'; the nearest is 'run.seed'"},
        {"train:\n  steps: 50\n  stride: 0\n  steps: 60\n", NULL, "f.yaml:4: train.steps is given twice"},
        {"train:\n  steps: 50\nrun:\n  seed: 1\ntrain:\n  stride: 0\n", NULL,
         "f.yaml:5: train is given twice"},
        {"train:\n\tsteps: 5\n", NULL, "f.yaml:2: a tab indents this line: YAML wants spaces"},
        {"train:\n  steps: [5]\n", NULL,
         "f.yaml:2: train.steps is a list but must be a whole number in [1, 1000000000]"},
        {"train:\n  steps:\n    at: 5\n", NULL,
         "f.yaml:2: train.steps holds further keys but must hold a value"},
        {"corpus:\n  inputs: [a, [b]]\n", NULL, "f.yaml:2: a list holds texts only, no lists or keys"},
        {"corpus:\n  inputs:\n    - a: b\n", NULL, "f.yaml:3: a list holds texts only, no lists or keys"},
        {"train: 5\n", NULL, "f.yaml:1: 'train' must be a section with its keys on indented lines below it"},
        {"train: [steps]\n", NULL,
         "f.yaml:1: 'train' must be a section with its keys on indented lines below it"},
        {"- train\n", NULL,
         "f.yaml:1: a configuration consists of sections such as `train:` with keys below them"},
        {"train\n", NULL,
         "f.yaml:1: a configuration consists of sections such as `train:` with keys below them"},
        {"[a]: b\n", NULL, "f.yaml:1: a section must begin with its name"},
        {"train:\n  [a]: b\n", NULL, "f.yaml:2: a key must be a name"},
        {"train: &x\n  steps: 5\n", NULL,
         "f.yaml:1: anchors (&), aliases (*) and tags (!) are not supported; quote a text that begins with "
         "one of "
         "them"},
        {"corpus:\n  inputs: *.txt\n", NULL,
         "f.yaml:2: anchors (&), aliases (*) and tags (!) are not supported; quote a text that begins with "
         "one of "
         "them"},
        {"train:\n  steps: !!int 5\n", NULL,
         "f.yaml:2: anchors (&), aliases (*) and tags (!) are not supported; quote a text that begins with "
         "one of "
         "them"},
        {"run:\n  seed: 1\n---\nrun:\n  seed: 2\n", NULL,
         "f.yaml:3: a second YAML document begins here; one is expected"},
        {"run:\n  directory: \"a\\0b\"\n", NULL, "f.yaml:2: a text contains a NUL character"},
        {"run:\n  directory: a\xff\n", NULL, "f.yaml:2: byte 0xff is not valid UTF-8"},
        {"run:\n  seed: 1\n seed: 2\n", NULL,
         "f.yaml:3: not valid YAML: did not find expected key while parsing a block mapping"},
        {"run:\n  directory: \"a\n", NULL,
         "f.yaml:3: not valid YAML: found unexpected end of stream while scanning a quoted scalar"},
        {"run:\n  directory: a\x01\n", NULL, "f.yaml:2: not valid YAML: control characters are not allowed"},
        {"", "--corpus.inputs=[a, b",
         "command line: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence"},
        {"", "--corpus.inputs=[a, [b]]", "command line: a list holds texts only, no lists or keys"},
        /* options that must hold together */
        {"model:\n  n_embd: 100\n  n_head: 3\n", NULL,
         "f.yaml: model.n_embd is 100 but must be a multiple of model.n_head, which is 3"},
        {"train:\n  slots: 2\n  local_steps: 4\n", NULL,
         "f.yaml: train.local_steps is 4 but train.slots is 2: what ranks do alone depends on their number; "
         "with local steps slots must be 0"},
        {"train:\n  wire: bf16\n  local_steps: 4\n", NULL,
         "f.yaml: train.local_steps is 4 but train.wire is bf16: moments and parameters need fp32"},
        {"train:\n  slots: 33\n", NULL,
         "f.yaml: train.slots is 33 but must be at most train.batch_size, which is 32: a slot would hold no "
         "sequence"},
        {"train:\n  stride: 129\n", NULL,
         "f.yaml: train.stride is 129 but must be at most model.context_length, which is 128: text between "
         "two "
         "sequences would be left out"},
        {"train:\n  schedule: wsd\n", NULL,
         "f.yaml: train.decay_steps is 0 but schedule wsd needs at least 1"},
        {"tokenizer:\n  vocab_size: 257\n  special_tokens: [a, b]\n", NULL,
         "f.yaml: tokenizer.vocab_size is 257 but 256 bytes and 2 special tokens need at least 258"},
        {"tokenizer:\n  pattern: o200k_base\n", NULL,
         "f.yaml: tokenizer.pattern is 'o200k_base' but must be gpt2, cl100k or a regular expression"},
        {"train: {steps: 1000000000, batch_size: 10000000}\nmodel: {context_length: 1048576}\n", NULL,
         "f.yaml: train.steps x train.batch_size x model.context_length is more than 2^63 tokens"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(rows[i].yaml, rows[i].override, rows[i].message);
}

static void expect_list(const char *yaml, const char *override, int64_t count, const char *const *items)
{
    struct config config;
    if (parse(&config, yaml, override) != STATUS_OK)
        fail_msg("%s", status_message());
    assert_int_equal(config.sample.prompts.count, count);
    for (int64_t i = 0; i < count; i++)
        assert_string_equal(config.sample.prompts.items[i], items[i]);
    config_free(&config);
}

static void test_lists(void **state)
{
    (void)state;
    const char *const two[] = {"a", "b c"}, *const one[] = {"a"}, *const comma[] = {"a, b"},
                      *const empty[] = {""};
    expect_list("sample:\n  prompts: [a, b c]\n", NULL, 2, two);
    expect_list("sample:\n  prompts:\n    - a\n    - \"b c\"\n", NULL, 2, two);
    expect_list("sample:\n  prompts: a\n", NULL, 1, one);
    expect_list("sample:\n  prompts: a, b\n", NULL, 1, comma);
    expect_list("sample:\n  prompts: \"\"\n", NULL, 1, empty);
    expect_list("sample:\n  prompts:\n", NULL, 0, NULL);
    expect_list("sample:\n  prompts: []\n", NULL, 0, NULL);
    expect_list("", "--sample.prompts=a,b c", 2, two);
    expect_list("", "--sample.prompts=[a, 'b c']", 2, two);
    expect_list("", "--sample.prompts=[\"a, b\"]", 1, comma);
    expect_list("", "--sample.prompts=", 0, NULL);
    expect_list("sample:\n  prompts: [x]\n", "--sample.prompts=a", 1, one); /* replaces, does not append */
}

/* Every option, moved away from its default, comes back from the written text, with and without comments. */
static const char *other_value(const struct option *option, char text[32])
{
    switch (option->type) {
    case OPTION_INTEGER:
        if (strcmp(option->name, "train.steps") == 0 || strcmp(option->name, "train.batch_size") == 0)
            return "64"; /* must be larger than others */
        if (strcmp(option->name, "tokenizer.max_memory") == 0)
            return "16";
        if (strcmp(option->name, "train.local_steps") == 0)
            return "0"; /* others do not go with slots */
        return strcmp(option->name, "tokenizer.vocab_size") == 0 ? "4096" : "4";
    case OPTION_NUMBER:
        return "0.30000000000000004";
    case OPTION_BOOLEAN:
        return strcmp(option->standard, "true") == 0 ? "false" : "true";
    case OPTION_CHOICE:
        if (strcmp(option->name, "train.wire") == 0)
            return "fp32"; /* the other one does not go with the others' other values */
        snprintf(text, 32, "%s",
                 strchr(option->choices, '|') != NULL ? strrchr(option->choices, '|') + 1 : "bpe");
        return text;
    default:
        return "x\"y";
    }
}

static void test_written_text_reads_back(void **state)
{
    (void)state;
    struct string_list overrides = {0};
    for (int64_t i = 0; i < option_count(); i++) {
        char value[32], text[128];
        snprintf(text, sizeof text, "--%s=%s", option_at(i)->name, other_value(option_at(i), value));
        assert_int_equal(string_list_add(&overrides, text), STATUS_OK);
    }
    struct config config, again;
    if (config_parse(&config, "", 0, "f.yaml", &overrides) != STATUS_OK)
        fail_msg("%s", status_message());
    assert_true(config.train.final_learning_rate == 0.30000000000000004);
    for (int help = 0; help < 2; help++) {
        struct buffer first = {0}, second = {0};
        assert_int_equal(config_write(&config, help == 1, &first), STATUS_OK);
        if (config_parse(&again, first.data, first.length, "again", NULL) != STATUS_OK)
            fail_msg("%s", status_message());
        assert_int_equal(config_write(&again, help == 1, &second), STATUS_OK);
        assert_string_equal(first.data, second.data);
        assert_true(again.train.final_learning_rate == config.train.final_learning_rate);
        config_free(&again);
        buffer_free(&first);
        buffer_free(&second);
    }
    config_free(&config);
    string_list_free(&overrides);
}

/* Texts that YAML could take for something else, or break. */
static void test_texts_read_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a",
        "/scratch/a-b_c.1/x",
        "..",
        "../a",
        "./a",
        "~",
        "null",
        "True",
        "on",
        "n",
        "1",
        ".5",
        "1e3",
        "-",
        "- a",
        "a: b",
        "#a",
        "a #b",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "[a]",
        "{a}",
        "a,b",
        "?",
        "|",
        ">",
        "'",
        "\"",
        "\\",
        "a\\n",
        " a",
        "a ",
        "\n",
        "a\n\nb\n",
        "\t",
        "\r\n",
        "\x01\x1f\x7f",
        "\xc2\x80",
        "\xc2\x85",
        "---",
        "...",
        "\xc2\xa0",
        "a \xe2\x80\xa8 b",
        "a \xe2\x80\xa9 b",
        "\xef\xbb\xbf",
        "\xef\xbf\xbf",
        "\xf0\x9f\x98\x80",
        "caf\xc3\xa9",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct config config;
        struct string_list both = {0};
        struct buffer out = {0};
        assert_int_equal(config_load(&config, NULL, NULL), STATUS_OK);
        assert_int_equal(string_list_add(&both, texts[i]), STATUS_OK);
        assert_int_equal(string_list_add(&both, texts[i]), STATUS_OK);
        assert_int_equal(option_set(option_find("sample.prompts"), &config, &both, true, "test"), STATUS_OK);
        assert_int_equal(option_set_text(option_find("run.directory"), &config, texts[i], "test"), STATUS_OK);
        assert_int_equal(config_write(&config, true, &out), STATUS_OK);
        config_free(&config);
        if (parse(&config, out.data, NULL) != STATUS_OK)
            fail_msg("%s: %s", texts[i], status_message());
        assert_string_equal(config.run.directory, texts[i]);
        assert_int_equal(config.sample.prompts.count, 2);
        assert_string_equal(config.sample.prompts.items[1], texts[i]);
        config_free(&config);
        string_list_free(&both);
        buffer_free(&out);
    }
}

/* And so that YAML 1.1 knows them as numbers. */
static void test_numbers_are_written_short(void **state)
{
    (void)state;
    static const struct {
        const char *value, *written;
    } rows[] = {{"6e-4", "0.0006"},    {"1e-8", "1.0e-08"},
                {"1.5e-7", "1.5e-07"}, {"0.001", "0.001"},
                {"0.1", "0.1"},        {"1", "1"},
                {"0.1000", "0.1"},     {"0.30000000000000004", "0.30000000000000004"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        struct buffer out = {0};
        assert_int_equal(config_load(&config, NULL, NULL), STATUS_OK);
        const struct option *option = option_find("train.learning_rate");
        assert_int_equal(option_set_text(option, &config, rows[i].value, "test"), STATUS_OK);
        assert_int_equal(option_write(option, &config, &out), STATUS_OK);
        assert_string_equal(out.data, rows[i].written);
        config_free(&config);
        buffer_free(&out);
    }
}

#define BACK ": set it back, take another run.directory, or start over with --fresh"

static void test_compare(void **state)
{
    (void)state;
    struct config stored, now;
    struct buffer changes = {0};
    assert_int_equal(parse(&stored, "model: {n_embd: 20}\n", NULL), STATUS_OK);
    assert_int_equal(parse(&now, "train: {learning_rate: 2e-3, steps: 900}\nmodel: {n_embd: 20}\n", NULL),
                     STATUS_OK);
    assert_int_equal(config_compare(&stored, &now, &changes), STATUS_OK);
    assert_string_equal(changes.data, "train.steps: 600 -> 900\ntrain.learning_rate: 0.001 -> 0.002\n");
    config_free(&now);
    buffer_clear(&changes);
    static const struct {
        const char *override, *message;
    } rows[] = {
        {"--model.n_embd=25", "model.n_embd is 25 but the checkpoint was made with 20" BACK},
        {"--run.seed=2", "run.seed is 2 but the checkpoint was made with 1" BACK},
        {"--tokenizer.vocab_size=300",
         "tokenizer.vocab_size is 300 but the checkpoint was made with 2048" BACK},
        {"--shards.end_token=x",
         "shards.end_token is x but the checkpoint was made with \"<|endoftext|>\"" BACK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(parse(&now, "model: {n_embd: 20}\n", rows[i].override), STATUS_OK);
        assert_int_equal(config_compare(&stored, &now, &changes), STATUS_USAGE);
        assert_string_equal(status_message(), rows[i].message);
        config_free(&now);
    }
    config_free(&stored);
    buffer_free(&changes);
}

static void test_files(void **state)
{
    (void)state;
    struct config config;
    char folder[] = "/tmp/llmpi-config-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64], message[160];
    snprintf(path, sizeof path, "%s/a.yaml", folder);
    assert_int_equal(config_load(&config, path, NULL), STATUS_USAGE);
    snprintf(message, sizeof message, "cannot read configuration %s: No such file or directory", path);
    assert_string_equal(status_message(), message);
    assert_int_equal(config_load(&config, folder, NULL), STATUS_USAGE);
    snprintf(message, sizeof message, "cannot read configuration %s: Is a directory", folder);
    assert_string_equal(status_message(), message);
    assert_int_equal(config_load(&config, "/dev/zero", NULL), STATUS_USAGE);
    assert_string_equal(status_message(), "/dev/zero is no configuration: it is larger than 1048576 bytes");
    assert_int_equal(file_write(path, "run:\r\n  seed: 7\r\n", 17), STATUS_OK); /* lines of Windows */
    assert_int_equal(config_load(&config, path, NULL), STATUS_OK);
    assert_int_equal(config.run.seed, 7);
    config_free(&config);
    assert_int_equal(file_write(path, "\xef\xbb\xbfrun: {seed: 8}\n", 17), STATUS_OK); /* a byte order mark */
    assert_int_equal(config_load(&config, path, NULL), STATUS_OK);
    assert_int_equal(config.run.seed, 8);
    config_free(&config);
    remove(path);
    remove(folder);
}

/* No text may crash or hang the parser: deep nesting, and a good file with bytes changed, dropped and
 * doubled. */
static void test_hostile_text(void **state)
{
    (void)state;
    struct config config;
    for (int kind = 0; kind < 4; kind++) {
        struct buffer deep = {0};
        for (int i = 0; i < 20000; i++)
            assert_int_equal(buffer_printf(&deep, "%s", (const char *[]){"[", "{", "a: {", "- "}[kind]),
                             STATUS_OK);
        assert_int_equal(config_parse(&config, deep.data, deep.length, "deep", NULL), STATUS_USAGE);
        config_free(&config);
        buffer_free(&deep);
    }
    struct buffer good = {0};
    assert_int_equal(config_load(&config, NULL, NULL), STATUS_OK);
    assert_int_equal(config_write(&config, false, &good), STATUS_OK);
    config_free(&config);
    for (uint64_t trial = 0; trial < 2000; trial++) {
        struct buffer bad = {0};
        assert_int_equal(buffer_append(&bad, good.data, good.length), STATUS_OK);
        for (uint64_t change = 0; change < 4; change++) {
            static const char bytes[] = ":-[]{},&*!|>'\"%@`#?\n\t \0\xff";
            bad.data[random_below(trial, 1, change, bad.length)] =
                bytes[random_below(trial, 2, change, sizeof bytes)];
        }
        bad.length -= random_below(trial, 3, 0, bad.length / 2);
        enum status status = config_parse(&config, bad.data, bad.length, "bad", NULL);
        assert_true(status == STATUS_OK || status == STATUS_USAGE);
        config_free(&config);
        buffer_free(&bad);
    }
    buffer_free(&good);
}

/* --- the example configurations are the manual: each holds every option. Cleaning has one of its own, and
 * section clean is whole or absent. --- */

struct example {
    int64_t clean, others; /* options found */
};

static enum status count_option(void *context, const struct yaml_entry *entry)
{
    struct example *example = context;
    if (entry->key != NULL && strcmp(entry->section, "clean") == 0)
        example->clean++; /* unknown and double ones do not load, so the number says that all are there */
    else if (entry->key != NULL)
        example->others++;
    return STATUS_OK;
}

static int64_t count_clean_options(void)
{
    int64_t count = 0;
    for (int64_t i = 0; i < option_count(); i++)
        count += strncmp(option_at(i)->name, "clean.", 6) == 0;
    return count;
}

static void check_example(const char *name, bool cleaning)
{
    char path[4096];
    struct config config;
    struct buffer text = {0};
    struct example found = {0};
    int64_t clean = count_clean_options(), others = option_count() - clean;
    snprintf(path, sizeof path, "%s/configs/%s.yaml", getenv("LLMPI_SOURCE"), name);
    if (config_load(&config, path, NULL) != STATUS_OK)
        fail_msg("%s", status_message());
    config_free(&config);
    assert_int_equal(config_read(path, &text), STATUS_OK);
    assert_int_equal(yaml_read(text.data, text.length, path, count_option, &found), STATUS_OK);
    if (!cleaning && found.others != others)
        fail_msg("%s holds %lld of %lld options", path, (long long)found.others, (long long)others);
    if ((cleaning || found.clean > 0) && found.clean != clean)
        fail_msg("%s holds %lld of %lld options of section clean", path, (long long)found.clean,
                 (long long)clean);
    buffer_free(&text);
}

static void test_examples(void **state)
{
    (void)state;
    if (getenv("LLMPI_SOURCE") == NULL)
        fail_msg("LLMPI_SOURCE is not set: start this test with ctest");
    check_example("quickstart", false);
    check_example("gpt2-124m", false);
    check_example("fineweb-10bt", false);
    check_example("fineweb-small", false);
    check_example("instruct-small", false);
    check_example("tiny", false);
    check_example("clean-fineweb", true);
}

static void test_table(void **state)
{
    (void)state;
    for (int64_t i = 0; i < option_count(); i++) {
        const struct option *option = option_at(i);
        assert_ptr_equal(option_find(option->name), option); /* names are unique */
        assert_string_equal(option_nearest(option->name), option->name);
        if (strlen(option->help) < 15 || option->help[strlen(option->help) - 1] == '.')
            fail_msg("the help of %s is no sentence without a full stop", option->name);
        for (int64_t j = 0; j < i; j++)
            if (option_at(j)->offset == option->offset)
                fail_msg("%s and %s have the same field", option_at(j)->name, option->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_choices_are_the_enums),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_written_text_reads_back),
        cmocka_unit_test(test_texts_read_back),
        cmocka_unit_test(test_numbers_are_written_short),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
