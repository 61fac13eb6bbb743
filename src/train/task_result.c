/* From scores to results: what counts as right, and how it is written. */
#include "llmpi/train/task.h"

#include "llmpi/base/json.h"

#include <math.h>
#include <string.h>

double task_accuracy(int64_t correct, int64_t items)
{
    return (double)correct / (double)items;
}

/* The harness's: the sample standard deviation of items that are 0 or 1, over the root of their number. */
double task_standard_error(int64_t correct, int64_t items)
{
    double p = task_accuracy(correct, items);
    return items > 1 ? sqrt(p * (1 - p) / (double)(items - 1)) : NAN;
}

static double judge(const struct task *task, const struct score *scores, int64_t request, bool norm)
{
    double characters = norm ? (double)task->characters[request] : 1;
    return scores[request].log_likelihood / characters;
}

int64_t task_choose(const struct task *task, const struct task_item *item, const struct score *scores,
                    bool norm)
{
    int64_t best = 0;
    for (int64_t i = 1; i < item->choices; i++)
        if (judge(task, scores, item->first + i, norm) > judge(task, scores, item->first + best, norm))
            best = i;
    return best;
}

static enum status count(const struct task *task, const struct score *scores, struct task_result *out)
{
    double likelihood = 0;
    *out = (struct task_result){.items = task->count};
    for (int64_t i = 0; i < task->count; i++) {
        const struct task_item *item = &task->items[i];
        for (int64_t n = item->first; n < item->first + item->choices; n++) {
            if (!isfinite(scores[n].log_likelihood))
                return fail(STATUS_FAILED, "%s, item %lld: its log-likelihood is %g, it must be finite",
                            task->name, (long long)i, fabs(scores[n].log_likelihood));
            likelihood += scores[n].log_likelihood;
            out->cut += scores[n].scored < task->requests[n].scored;
        }
        bool choices = task->form == TASK_CHOICES;
        out->correct +=
            choices ? task_choose(task, item, scores, false) == item->gold : scores[item->first].greedy;
        out->correct_norm += choices && task_choose(task, item, scores, true) == item->gold;
    }
    out->perplexity = exp(-likelihood / (double)task->count);
    return STATUS_OK;
}

enum status task_run(const struct task *task, struct train_state *state, int64_t sequences, struct comm *comm,
                     struct score *scores, struct task_result *out)
{
    TRY(scoring_run(state, sequences, task->tokens.ids, task->requests, task->request_count, task->name, comm,
                    scores));
    return count(task, scores, out);
}

static enum status write_number(struct buffer *out, const char *name, double value)
{
    TRY(buffer_printf(out, ", \"%s\": ", name));
    return json_write_number(out, value);
}

static enum status write_accuracy(struct buffer *out, const char *name, int64_t correct, int64_t items)
{
    TRY(write_number(out, name, task_accuracy(correct, items)));
    TRY(buffer_printf(out, ", \"%s_stderr\": ", name));
    return json_write_number(out, task_standard_error(correct, items));
}

enum status task_write_result(const struct task *task, const struct task_result *result, int64_t step,
                              struct buffer *out)
{
    TRY(buffer_printf(out, "{\"step\": %lld, \"task\": ", (long long)step));
    TRY(json_write_text(out, task->name, strlen(task->name)));
    TRY(buffer_printf(out, ", \"items\": %lld", (long long)result->items));
    TRY(write_accuracy(out, "acc", result->correct, result->items));
    TRY(buffer_printf(out, ", \"correct\": %lld", (long long)result->correct));
    if (task->form == TASK_CONTINUATION) {
        TRY(write_number(out, "perplexity", result->perplexity));
    } else {
        TRY(write_accuracy(out, "acc_norm", result->correct_norm, result->items));
        TRY(buffer_printf(out, ", \"correct_norm\": %lld", (long long)result->correct_norm));
    }
    return buffer_append(out, "}", 1);
}

/* The choices of an item beside each other. */
static enum status write_choices(const struct task *task, const struct task_item *item,
                                 const struct score *scores, struct buffer *out)
{
    TRY(buffer_printf(out, ", \"gold\": %lld, \"log_likelihoods\": ", (long long)item->gold));
    for (int64_t i = 0; i < item->choices; i++) {
        TRY(buffer_append(out, i > 0 ? ", " : "[", i > 0 ? 2 : 1));
        TRY(json_write_number(out, scores[item->first + i].log_likelihood));
    }
    for (int64_t i = 0; i < item->choices; i++)
        TRY(buffer_printf(out, "%s%lld", i > 0 ? ", " : "], \"characters\": [",
                          (long long)task->characters[item->first + i]));
    return buffer_printf(out, "], \"choice\": %lld, \"choice_norm\": %lld}\n",
                         (long long)task_choose(task, item, scores, false),
                         (long long)task_choose(task, item, scores, true));
}

static enum status write_item(const struct task *task, int64_t index, const struct score *scores,
                              struct buffer *out)
{
    const struct task_item *item = &task->items[index];
    const struct score *score = &scores[item->first];
    TRY(buffer_printf(out, "{\"task\": "));
    TRY(json_write_text(out, task->name, strlen(task->name)));
    TRY(buffer_printf(out, ", \"item\": %lld", (long long)index));
    if (task->form == TASK_CHOICES)
        return write_choices(task, item, scores, out);
    TRY(write_number(out, "log_likelihood", score->log_likelihood));
    return buffer_printf(out, ", \"tokens\": %lld, \"greedy\": %s}\n", (long long)score->scored,
                         score->greedy ? "true" : "false");
}

enum status task_write_items(const struct task *task, const struct score *scores, struct buffer *out)
{
    for (int64_t i = 0; i < task->count; i++)
        TRY(write_item(task, i, scores, out));
    return STATUS_OK;
}
