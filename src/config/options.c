/* The one table of options. Units and reasons for a user stand in the help; bounds that involve several
 * options are in checks.c. */
#include "llmpi/config/options.h"

#include <stdio.h>
#include <string.h>

#define FIELD(section, key) #section "." #key
#define AT(section, key)    offsetof(struct config, section.key)
#define COUNT_RANGE         "[0, 1000000000000]"
#define STEPS_RANGE         "[0, 1000000000]"

static const struct option table[] = {
    {FIELD(run, directory), OPTION_TEXT, AT(run, directory), "runs/default", "[1, inf)", NULL, true,
     "Folder of the run: configuration, metrics, samples, checkpoints"},
    {FIELD(run, seed), OPTION_INTEGER, AT(run, seed), "1", "[0, inf)", NULL, false,
     "Start of every random number: initial weights, order of the data, dropout, samples"},
    {FIELD(run, threads), OPTION_INTEGER, AT(run, threads), "0", "[0, 4096]", NULL, true,
     "Threads per rank; 0: the cores of the node divided by its ranks"},

    {FIELD(corpus, inputs), OPTION_LIST, AT(corpus, inputs), "", NULL, NULL, true,
     "Files, folders or globs of text: .txt .jsonl .jsonl.gz .jsonl.zst"},
    {FIELD(corpus, text_field), OPTION_TEXT, AT(corpus, text_field), "text", "[1, inf)", NULL, true,
     "Member of each JSON line that holds the text"},
    {FIELD(corpus, max_documents), OPTION_INTEGER, AT(corpus, max_documents), "0", COUNT_RANGE, NULL, true,
     "Documents used, from the first on; 0: all"},
    {FIELD(corpus, document_separator), OPTION_TEXT, AT(corpus, document_separator), "", NULL, NULL, true,
     "Text between two documents of a .txt file; empty: a file is one document"},
    {FIELD(corpus, on_error), OPTION_CHOICE, AT(corpus, on_error), "stop", NULL, "stop|skip", true,
     "What an unreadable document (broken JSON, invalid UTF-8, no text) does: stop the program, or be "
     "skipped and "
     "counted"},
    {FIELD(corpus, split), OPTION_CHOICE, AT(corpus, split), "hash", NULL, "hash|tail", true,
     "How validation text is chosen: by a hash of each document, or the last part of the tokens (for corpora "
     "that "
     "are one document)"},
    {FIELD(corpus, validation_fraction), OPTION_NUMBER, AT(corpus, validation_fraction), "0.01", "[0, 1)",
     NULL, true, "Share of the corpus that is validation text; unused when validation_inputs are given"},
    {FIELD(corpus, validation_inputs), OPTION_LIST, AT(corpus, validation_inputs), "", NULL, NULL, true,
     "Files, folders or globs of validation text of its own; empty: split the inputs"},

    {FIELD(tokenizer, path), OPTION_TEXT, AT(tokenizer, path), "runs/tokenizer.json", "[1, inf)", NULL, true,
     "The tokenizer: written by `llmpi tokenizer train`; a tokenizer.json or a folder with GPT-2's files"},
    {FIELD(tokenizer, kind), OPTION_CHOICE, AT(tokenizer, kind), "bpe", NULL, "bpe", false,
     "What to learn: bpe is byte-level byte pair encoding, as GPT-2's"},
    {FIELD(tokenizer, vocab_size), OPTION_INTEGER, AT(tokenizer, vocab_size), "2048", "[256, 16777216]", NULL,
     false, "Tokens to learn: 256 bytes, the special tokens, and merges"},
    {FIELD(tokenizer, min_frequency), OPTION_INTEGER, AT(tokenizer, min_frequency), "2", "[1, 1000000000000]",
     NULL, false, "Times that a pair must occur to be merged; learning stops early without such a pair"},
    {FIELD(tokenizer, max_token_length), OPTION_INTEGER, AT(tokenizer, max_token_length), "0", "[0, 1000000]",
     NULL, false,
     "Tokens of three bytes and more are shorter than this (as in Hugging Face's trainer); 0: no limit"},
    {FIELD(tokenizer, pattern), OPTION_TEXT, AT(tokenizer, pattern), "gpt2", "[1, inf)", NULL, false,
     "How text is split into words that no token crosses: gpt2, cl100k, or a regular expression of your own"},
    {FIELD(tokenizer, max_memory), OPTION_INTEGER, AT(tokenizer, max_memory), "1024", "[16, 1048576]", NULL,
     true,
     "MiB per rank for counting words and learning from them; the rarest words are left out where they do "
     "not fit"},
    {FIELD(tokenizer, special_tokens), OPTION_LIST, AT(tokenizer, special_tokens), "<|endoftext|>", NULL,
     NULL, false, "Tokens that text never becomes by accident; they get the first ids"},

    {FIELD(shards, directory), OPTION_TEXT, AT(shards, directory), "runs/shards", "[1, inf)", NULL, true,
     "Folder of the token files"},
    {FIELD(shards, count), OPTION_INTEGER, AT(shards, count), "4", "[1, 99999]", NULL, true,
     "Files per split; at least the number of ranks, so that all of them work"},
    {FIELD(shards, begin_token), OPTION_TEXT, AT(shards, begin_token), "", NULL, NULL, false,
     "Special token before each document; empty: none"},
    {FIELD(shards, end_token), OPTION_TEXT, AT(shards, end_token), "<|endoftext|>", "[1, inf)", NULL, false,
     "Special token after each document"},

    {FIELD(model, n_layer), OPTION_INTEGER, AT(model, n_layer), "6", "[1, 1000]", NULL, false,
     "Transformer blocks"},
    {FIELD(model, n_head), OPTION_INTEGER, AT(model, n_head), "5", "[1, 1024]", NULL, false,
     "Attention heads per block; must divide n_embd"},
    {FIELD(model, n_embd), OPTION_INTEGER, AT(model, n_embd), "160", "[1, 65536]", NULL, false,
     "Width of the model: numbers per token between blocks"},
    {FIELD(model, context_length), OPTION_INTEGER, AT(model, context_length), "128", "[1, 1048576]", NULL,
     false, "Tokens that the model sees at once; also the length of a training sequence"},
    {FIELD(model, bias), OPTION_BOOLEAN, AT(model, bias), "true", NULL, NULL, false,
     "Biases in linear layers and layer norms, as in GPT-2"},
    {FIELD(model, tied_head), OPTION_BOOLEAN, AT(model, tied_head), "true", NULL, NULL, false,
     "The output head is the token embedding, as in GPT-2"},
    {FIELD(model, dropout), OPTION_NUMBER, AT(model, dropout), "0", "[0, 1)", NULL, false,
     "Share of activations set to zero in training; useful when the data is seen many times"},

    {FIELD(train, steps), OPTION_INTEGER, AT(train, steps), "600", "[1, 1000000000]", NULL, true,
     "Updates of the whole run"},
    {FIELD(train, batch_size), OPTION_INTEGER, AT(train, batch_size), "32", "[1, 10000000]", NULL, true,
     "Sequences per update, over all ranks"},
    {FIELD(train, micro_batch), OPTION_INTEGER, AT(train, micro_batch), "8", "[1, 1000000]", NULL, true,
     "Sequences per forward and backward pass of one rank, at most: more needs more memory and changes "
     "nothing else"},
    {FIELD(train, stride), OPTION_INTEGER, AT(train, stride), "0", "[0, 1048576]", NULL, false,
     "Tokens between the starts of two training sequences; 0: context_length, so that they do not overlap"},
    {FIELD(train, sampling), OPTION_CHOICE, AT(train, sampling), "epoch", NULL, "epoch|random|sequential",
     false,
     "Order of the sequences: each once per epoch in a new order, any at random, or as they stand in the "
     "shards"},
    {FIELD(train, drop_last), OPTION_BOOLEAN, AT(train, drop_last), "false", NULL, NULL, false,
     "Leave out the incomplete last batch of an epoch instead of filling it from the next epoch"},
    {FIELD(train, learning_rate), OPTION_NUMBER, AT(train, learning_rate), "1e-3", "(0, 10]", NULL, true,
     "Peak learning rate of AdamW"},
    {FIELD(train, final_learning_rate), OPTION_NUMBER, AT(train, final_learning_rate), "0.1", "[0, 1]", NULL,
     true, "Learning rate at the last step, as a fraction of the peak"},
    {FIELD(train, schedule), OPTION_CHOICE, AT(train, schedule), "cosine", NULL, "cosine|linear|constant|wsd",
     true,
     "How the learning rate falls after the warm-up; wsd: constant, then a line down in the last "
     "decay_steps"},
    {FIELD(train, warmup_steps), OPTION_INTEGER, AT(train, warmup_steps), "30", STEPS_RANGE, NULL, true,
     "Steps in which the learning rate rises from 0 to its peak; a shorter run ends before"},
    {FIELD(train, decay_steps), OPTION_INTEGER, AT(train, decay_steps), "0", STEPS_RANGE, NULL, true,
     "Steps of the final descent of schedule wsd; unused by the others"},
    {FIELD(train, beta1), OPTION_NUMBER, AT(train, beta1), "0.9", "[0, 1)", NULL, true,
     "AdamW's decay of the mean of gradients, per step"},
    {FIELD(train, beta2), OPTION_NUMBER, AT(train, beta2), "0.95", "[0, 1)", NULL, true,
     "AdamW's decay of the mean of squared gradients, per step"},
    {FIELD(train, epsilon), OPTION_NUMBER, AT(train, epsilon), "1e-8", "(0, 1]", NULL, true,
     "AdamW's guard against division by zero"},
    {FIELD(train, weight_decay), OPTION_NUMBER, AT(train, weight_decay), "0.1", "[0, 10]", NULL, true,
     "Decoupled weight decay of matrices, per unit of learning rate; biases and layer norms have none"},
    {FIELD(train, grad_clip), OPTION_NUMBER, AT(train, grad_clip), "1", "[0, inf)", NULL, true,
     "Largest norm of the whole gradient, longer ones are scaled down; 0: no limit"},
    {FIELD(train, precision), OPTION_CHOICE, AT(train, precision), "auto", NULL, "auto|fp32", true,
     "Arithmetic of matrix products; auto takes the best that all ranks have"},
    {FIELD(train, slots), OPTION_INTEGER, AT(train, slots), "0", "[0, 1000000]", NULL, true,
     "Parts of a batch whose gradients are added along a fixed tree: the same number gives the same bits on "
     "any "
     "number of ranks; 0: one per rank"},
    {FIELD(train, log_every), OPTION_INTEGER, AT(train, log_every), "10", "[1, 1000000000]", NULL, true,
     "Steps between two lines in the log; metrics.jsonl has every step"},

    {FIELD(evaluate, every), OPTION_INTEGER, AT(evaluate, every), "100", STEPS_RANGE, NULL, true,
     "Steps between two validation losses; 0: only at the end"},
    {FIELD(evaluate, sequences), OPTION_INTEGER, AT(evaluate, sequences), "256", COUNT_RANGE, NULL, true,
     "Validation sequences used at most; 0: all"},

    {FIELD(sample, every), OPTION_INTEGER, AT(sample, every), "200", STEPS_RANGE, NULL, true,
     "Steps between two sets of samples; 0: only at the end"},
    {FIELD(sample, prompts), OPTION_LIST, AT(sample, prompts), "Once upon a time", NULL, NULL, true,
     "Texts to be continued, one sample each; empty: no samples"},
    {FIELD(sample, tokens), OPTION_INTEGER, AT(sample, tokens), "100", "[1, 1000000]", NULL, true,
     "Tokens per sample at most; an end of text ends it earlier"},
    {FIELD(sample, temperature), OPTION_NUMBER, AT(sample, temperature), "0.8", "[0, 100]", NULL, true,
     "Randomness of samples: 1 is the model's own, 0 always takes the likeliest token"},
    {FIELD(sample, top_k), OPTION_INTEGER, AT(sample, top_k), "0", "[0, 16777216]", NULL, true,
     "Choose among that many likeliest tokens; 0: all"},
    {FIELD(sample, top_p), OPTION_NUMBER, AT(sample, top_p), "1", "(0, 1]", NULL, true,
     "Choose among the likeliest tokens that together have this probability; 1: all"},

    {FIELD(checkpoint, every), OPTION_INTEGER, AT(checkpoint, every), "200", STEPS_RANGE, NULL, true,
     "Steps between two checkpoints; 0: only at the end"},
    {FIELD(checkpoint, keep), OPTION_INTEGER, AT(checkpoint, keep), "2", "[0, 1000000000]", NULL, true,
     "Newest checkpoints that stay on disk; 0: all"},
};

int64_t option_count(void)
{
    return (int64_t)(sizeof table / sizeof *table);
}

const struct option *option_at(int64_t index)
{
    return &table[index];
}

size_t option_section_length(const struct option *option)
{
    return strcspn(option->name, ".");
}

const struct option *option_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* A right key in a wrong section is nearer than any misspelling. */
const char *option_nearest(const char *name)
{
    const char *nearest = table[0].name, *key = strchr(name, '.');
    int best = -1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int distance = 2 * string_distance(name, table[i].name);
        if (distance > 1 && key != NULL && strcmp(key, table[i].name + option_section_length(&table[i])) == 0)
            distance = 1;
        if (best < 0 || distance < best) {
            best = distance;
            nearest = table[i].name;
        }
    }
    return nearest;
}

const char *option_nearest_section(const char *name)
{
    static char nearest[32];
    int best = -1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char section[32];
        snprintf(section, sizeof section, "%.*s", (int)option_section_length(&table[i]), table[i].name);
        int distance = string_distance(name, section);
        if (best < 0 || distance < best) {
            best = distance;
            memcpy(nearest, section, sizeof nearest);
        }
    }
    return nearest;
}
