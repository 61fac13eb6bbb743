/* Evaluation tasks: files of JSON lines with texts to be continued, in one of two forms,
 *
 *     {"context": TEXT, "continuation": TEXT}                       is the continuation what the model would
 * say?
 *     {"query": TEXT, "choices": [TEXT, ...], "gold": INDEX}        which choice does it find likeliest?
 *
 * and what comes out of them. Definitions are those of lm-evaluation-harness (EleutherAI; loglikelihood and
 * multiple_choice tasks without examples): the continuation is a space and the text; white space at the end
 * of the context is moved before it; both are encoded as one text, and what goes beyond the length of the
 * encoded context is the continuation. No token stands before the context, unless it is empty: then the
 * end-of-text token. Other members of a line are ignored. */
#ifndef LLMPI_TRAIN_TASK_H
#define LLMPI_TRAIN_TASK_H

#include "llmpi/base/buffer.h"
#include "llmpi/base/status.h"
#include "llmpi/comm/comm.h"
#include "llmpi/text/token_list.h"
#include "llmpi/text/tokenizer.h"
#include "llmpi/train/scoring.h"

#include <stdbool.h>
#include <stdint.h>

enum task_form { TASK_CONTINUATION, TASK_CHOICES };

/* Its requests are those from number `first` on: one, or one for each choice. */
struct task_item {
    int64_t first, choices, gold;
};

struct task {
    char *name, *file;
    enum task_form form;
    struct task_item *items;
    int64_t count, capacity;
    struct score_request *requests;
    int64_t *characters; /* of the choice that a request is for, without the space before it */
    int64_t request_count, request_capacity;
    struct token_list tokens;
};

/* What a task is read with. */
struct task_source {
    const char *directory; /* of tasks that are given by name */
    struct tokenizer *tokenizer;
    const char *end_token; /* stands before an empty context */
    int64_t limit;         /* items, from the first on; 0: all */
};

/* Opens the task that `what` says:
 *   FILE        a path with a slash or ending in .jsonl; the task is called like the file without .jsonl
 *   NAME=FILE
 *   NAME        DIRECTORY/NAME.jsonl, or else the one file DIRECTORY/NAME-*.jsonl
 * Queries of a task named arc_easy or piqa get "\nAnswer:" behind them, as the harness has it, after white
 * space at their end is cut off. Rank 0 reads the file. A line that is not of one of the forms, or of another
 * than the first, is an error that names file and line: also no choices, an empty one, one that adds no token
 * to its query, and a gold that is no index of a choice. The caller frees with task_close, also after a
 * failure.
 * **Collective** */
enum status task_open(const char *what, const struct task_source *source, struct comm *comm,
                      struct task *out);
void task_close(struct task *task);

/* Accuracies are correct / items; their standard error is sqrt(p (1 - p) / (items - 1)), NAN for one item. */
struct task_result {
    int64_t items;
    int64_t correct; /* form continuation: every token is the arg-max; choices: the gold one has the largest
                      * log-likelihood (the first of equal ones) */
    int64_t correct_norm; /* choices: log-likelihood divided by the characters of the choice */
    double perplexity; /* continuation: exp of the mean negative log-likelihood of an item, not of a token */
    int64_t cut;       /* texts of which the model could not see all scored tokens */
};

/* Scores all items; `scores` (request_count) gets each request's. Otherwise as scoring_run, whose statuses it
 * returns; a log-likelihood that is not finite is STATUS_FAILED.
 * **Collective** */
enum status task_run(const struct task *task, struct train_state *state, int64_t sequences, struct comm *comm,
                     struct score *scores, struct task_result *out);

double task_accuracy(int64_t correct, int64_t items);
double task_standard_error(int64_t correct, int64_t items);

/* Of the choices of an item, the one with the largest log-likelihood, or with `norm` the largest per
 * character. */
int64_t task_choose(const struct task *task, const struct task_item *item, const struct score *scores,
                    bool norm);

/* Appends the result as one JSON object without a line end: step, task, items, and by form acc, acc_stderr,
 * correct and acc_norm, acc_norm_stderr, correct_norm, or perplexity. */
enum status task_write_result(const struct task *task, const struct task_result *result, int64_t step,
                              struct buffer *out);

/* Appends a JSON object and a line end for each item: task, item (from 0), and by form log_likelihood,
 * tokens, greedy, or gold, log_likelihoods, characters, choice, choice_norm. */
enum status task_write_items(const struct task *task, const struct score *scores, struct buffer *out);

#endif
