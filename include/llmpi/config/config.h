/* The configuration of the whole path: one YAML file, overrides from the command line, defaults from the
 * option table (options.h). Every field below is one row of that table; text, help and bounds stand there and
 * nowhere else. */
#ifndef LLMPI_CONFIG_CONFIG_H
#define LLMPI_CONFIG_CONFIG_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/base/string_list.h"

#include <stdbool.h>
#include <stdint.h>

enum corpus_errors { CORPUS_ERRORS_STOP, CORPUS_ERRORS_SKIP };
enum corpus_split { SPLIT_HASH, SPLIT_TAIL };
enum tokenizer_kind { TOKENIZER_BPE };
enum train_sampling { SAMPLING_EPOCH, SAMPLING_RANDOM, SAMPLING_SEQUENTIAL };
enum train_schedule { SCHEDULE_COSINE, SCHEDULE_LINEAR, SCHEDULE_CONSTANT, SCHEDULE_WSD };
enum train_precision { PRECISION_AUTO, PRECISION_FP32 };

struct config {
    struct {
        char *directory;
        int64_t seed;
        int64_t threads; /* 0: cores of the node divided by its ranks */
    } run;
    struct {
        struct string_list inputs;
        char *text_field;
        int64_t max_documents;    /* 0: all */
        char *document_separator; /* "": a text file is one document */
        int64_t on_error;         /* enum corpus_errors */
        int64_t split;            /* enum corpus_split */
        double validation_fraction;
        struct string_list validation_inputs;
    } corpus;
    struct {
        char *path;
        int64_t kind; /* enum tokenizer_kind */
        int64_t vocab_size;
        int64_t min_frequency;
        int64_t max_token_length; /* 0: no limit */
        char *pattern;
        int64_t max_memory; /* MiB per rank */
        struct string_list special_tokens;
    } tokenizer;
    struct {
        char *directory;
        int64_t count;
        char *begin_token; /* "": none */
        char *end_token;
    } shards;
    struct {
        int64_t n_layer, n_head, n_embd, context_length;
        bool bias, tied_head;
        double dropout;
    } model;
    struct {
        int64_t steps;
        int64_t batch_size;  /* sequences per step over all ranks */
        int64_t micro_batch; /* sequences per forward and backward pass of one rank */
        int64_t stride;      /* tokens between the starts of two windows; 0: context_length */
        int64_t sampling;    /* enum train_sampling */
        bool drop_last;
        double learning_rate, final_learning_rate; /* the latter as a fraction of the former */
        int64_t schedule;                          /* enum train_schedule */
        int64_t warmup_steps, decay_steps;
        double beta1, beta2, epsilon, weight_decay, grad_clip;
        int64_t precision; /* enum train_precision */
        int64_t slots;     /* 0: one per rank */
        int64_t log_every;
    } train;
    struct {
        int64_t every;     /* steps; 0: only at the end */
        int64_t sequences; /* at most that many validation windows; 0: all */
    } evaluate;
    struct {
        int64_t every; /* steps; 0: only at the end */
        struct string_list prompts;
        int64_t tokens;
        double temperature;
        int64_t top_k;
        double top_p;
    } sample;
    struct {
        int64_t every; /* steps; 0: only at the end */
        int64_t keep;  /* newest files kept; 0: all */
    } checkpoint;
};

/* Appends the text of a configuration file ("-" is standard input) to `out`. A missing file, or one above 1
 * MiB, is STATUS_USAGE. For programs in which one rank reads and all parse. */
enum status config_read(const char *path, struct buffer *out);

/* Reads `path` (NULL: defaults only), then applies overrides such as "--train.steps=200" (also
 * "--train.steps", "200" as two arguments is not accepted), then checks bounds and what fields must hold
 * together (n_embd divisible by n_head, ...). Every error is STATUS_USAGE with file, line, value found and
 * value allowed; an unknown key names the nearest known one. The caller frees with config_free, also after a
 * failure. */
enum status config_load(struct config *config, const char *path, const struct string_list *overrides);

/* The same from text; `name` stands for the file in messages. */
enum status config_parse(struct config *config, const char *yaml, size_t length, const char *name,
                         const struct string_list *overrides);

void config_free(struct config *config);

/* The resolved configuration as YAML that config_parse reads back to the same values; with `help`, each key
 * has a comment with its help and bounds above it. */
enum status config_write(const struct config *config, bool help, struct buffer *out);

/* Compares a run's stored configuration with the one it is continued with. Options that may not change (their
 * row says so) and differ make STATUS_USAGE: "model.n_embd is 384 but the checkpoint was made with 256".
 * Other differences are appended to `changes` as one line each. */
enum status config_compare(const struct config *stored, const struct config *now, struct buffer *changes);

#endif
