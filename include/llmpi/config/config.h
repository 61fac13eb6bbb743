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
enum clean_compression { CLEAN_ZSTD, CLEAN_GZIP, CLEAN_NONE };
enum shards_packing { PACKING_CONCATENATE, PACKING_SPLIT, PACKING_TRUNCATE };
enum instruct_too_long { INSTRUCT_TRUNCATE, INSTRUCT_DROP };
enum tokenizer_kind { TOKENIZER_BPE, TOKENIZER_WORD, TOKENIZER_CHARACTER };
enum train_sampling { SAMPLING_EPOCH, SAMPLING_RANDOM, SAMPLING_SEQUENTIAL };
enum train_schedule { SCHEDULE_COSINE, SCHEDULE_LINEAR, SCHEDULE_CONSTANT, SCHEDULE_WSD };
enum run_bind { RUN_BIND_AUTO, RUN_BIND_NONE };
enum train_on_nonfinite { TRAIN_NONFINITE_STOP, TRAIN_NONFINITE_SKIP, TRAIN_NONFINITE_ROLLBACK };
enum train_precision { PRECISION_AUTO, PRECISION_FP32, PRECISION_BF16 };
enum train_exchange { TRAIN_EXCHANGE_SHARDED, TRAIN_EXCHANGE_ALLREDUCE };
enum train_wire { TRAIN_WIRE_FP32, TRAIN_WIRE_BF16 };
enum train_recompute { TRAIN_RECOMPUTE_NONE, TRAIN_RECOMPUTE_ATTENTION, TRAIN_RECOMPUTE_BLOCK };

/* The rules of `llmpi corpus clean` (prepare/quality.h says what each figure is). A threshold of 0 turns its
 * rule off, a switch turns a group off. */
struct clean_options {
    char *directory;
    int64_t files;
    int64_t compression; /* enum clean_compression */
    char *language_score_field;
    double language_score_min;

    bool gopher_quality;
    double gopher_min_words, gopher_max_words, gopher_min_word_length, gopher_max_word_length;
    double gopher_min_alphabetic_words, gopher_min_stop_words;
    double gopher_max_hashes, gopher_max_ellipses, gopher_max_bullet_lines, gopher_max_ellipsis_lines;

    bool gopher_repetition;
    double gopher_max_duplicate_lines, gopher_max_duplicate_line_characters;
    double gopher_max_duplicate_paragraphs, gopher_max_duplicate_paragraph_characters;
    double gopher_max_top_2_gram, gopher_max_top_3_gram, gopher_max_top_4_gram;
    double gopher_max_duplicate_5_grams, gopher_max_duplicate_6_grams, gopher_max_duplicate_7_grams;
    double gopher_max_duplicate_8_grams, gopher_max_duplicate_9_grams, gopher_max_duplicate_10_grams;

    bool c4_quality, c4_lorem_ipsum, c4_curly_bracket;
    double c4_min_sentences;
    bool c4_terminal_punctuation, c4_javascript, c4_policy; /* lines that do not count */
    int64_t c4_min_line_words, c4_max_word_length;          /* of a line that counts; 0: any */
    bool c4_remove_lines, c4_remove_citations;              /* change the text */

    bool fineweb_quality;
    double fineweb_min_punctuated_lines, fineweb_max_short_lines;
    int64_t fineweb_short_line; /* characters */
    double fineweb_max_duplicate_line_characters, fineweb_max_newlines;

    bool exact_duplicates, near_duplicates;
    int64_t near_bands, near_rows, near_words;
};

struct config {
    struct {
        char *directory;
        int64_t seed;
        int64_t threads; /* 0: OMP_NUM_THREADS, or the rank's share of the cores of its node */
        int64_t bind;    /* enum run_bind */
        double max_seconds, stop_margin;
        int64_t stall_warning, stall_abort; /* seconds (comm/watchdog.h) */
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
    struct clean_options clean;
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
        int64_t packing; /* enum shards_packing */
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
        bool document_mask;                        /* attention stays within a document */
        double learning_rate, final_learning_rate; /* the latter as a fraction of the former */
        int64_t schedule;                          /* enum train_schedule */
        int64_t warmup_steps, decay_steps;
        double beta1, beta2, epsilon, weight_decay, grad_clip;
        int64_t on_nonfinite;   /* enum train_on_nonfinite */
        double spike_threshold; /* standard deviations; 0: no limit */
        int64_t spike_window;   /* steps */
        int64_t precision;      /* enum train_precision */
        int64_t recompute;      /* enum train_recompute */
        int64_t exchange;       /* enum train_exchange */
        int64_t wire;           /* enum train_wire */
        int64_t bucket_mb;
        int64_t local_steps; /* 0: every step is one of all ranks */
        int64_t local_after; /* -1: twice warmup_steps */
        double outer_learning_rate, outer_momentum;
        int64_t slots; /* 0: one per rank */
        int64_t log_every;
    } train;
    struct {
        int64_t every;     /* steps; 0: only at the end */
        int64_t sequences; /* at most that many validation windows; 0: all */
        struct string_list tasks;
        int64_t tasks_every; /* steps; 0: `every` */
        int64_t task_items;  /* 0: all */
        char *task_directory;
    } evaluate;
    struct {
        int64_t every; /* steps; 0: only at the end */
        struct string_list prompts;
        int64_t tokens;
        double temperature;
        int64_t top_k;
        double top_p, min_p, repetition_penalty;
    } sample;
    struct {
        int64_t every;                 /* steps; 0: only at the end */
        int64_t keep;                  /* newest files kept; 0: all */
        int64_t keep_every, keep_best; /* 0: none for that reason */
        bool background;
    } checkpoint;
    struct {
        struct string_list inputs, validation_inputs;
        double validation_fraction;
        char *directory;
        int64_t count;
        char *system;                                  /* "": none */
        int64_t too_long;                              /* enum instruct_too_long */
        char *turn_prefix, *turn_suffix, *end_of_turn; /* text/chat_template.h */
    } instruct;
    struct {
        char *directory;
        double epochs;
        int64_t steps; /* 0: what the epochs take */
        int64_t batch_size;
        double learning_rate, warmup, weight_decay; /* warmup: share of the steps */
    } finetune;
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
