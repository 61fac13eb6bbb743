/* The table for people and the one for other programs. */
#include "scale.h"

#include "llmpi/base/log.h"

#include <inttypes.h>
#include <stdio.h>

const struct measurement *scale_first(const struct scale *scale)
{
    for (int64_t i = 0; i < scale->rank_count; i++)
        if (scale->rows[i].ranks > 0)
            return &scale->rows[i];
    return NULL;
}

double scale_efficiency(const struct scale *scale, double tokens_per_second, int64_t ranks)
{
    const struct measurement *first = scale_first(scale);
    return tokens_per_second / (double)ranks / (first->tokens_per_second / (double)first->ranks);
}

/* --- for people --- */

static void print_seconds(double seconds, double step)
{
    printf(" %9.4f %5.1f%%", seconds, 100 * seconds / step);
}

static void print_measurement(const struct scale *scale, const struct measurement *row)
{
    char memory[16];
    printf("%6" PRId64 " %6" PRId64 " %11.1f %9.1f%% %9.4f", row->ranks, row->nodes, row->tokens_per_second,
           100 * scale_efficiency(scale, row->tokens_per_second, row->ranks), row->step);
    print_seconds(row->compute, row->step);
    print_seconds(row->exposed, row->step);
    print_seconds(row->hidden, row->step);
    print_seconds(row->update, row->step);
    printf(" %11s\n", log_bytes(memory, row->memory));
}

static void print_measurements(const struct scale *scale)
{
    const struct measurement *first = scale_first(scale);
    int64_t measured = 0;
    printf("%s scaling: %" PRId64 " x %" PRId64 " tokens a step %s, %s, %" PRId64 " thread%s a rank\n\n",
           scale->strong ? "strong" : "weak", scale->config->train.batch_size, first->shape.context_length,
           scale->strong ? "in all" : "for each rank", first->precision, first->threads,
           first->threads == 1 ? "" : "s");
    printf("%6s %6s %11s %10s %9s %16s %16s %16s %16s %11s\n", "ranks", "nodes", "tokens/s", "efficiency",
           "step s", "compute s", "exposed s", "hidden s", "update s", "memory");
    for (int64_t i = 0; i < scale->rank_count; i++) {
        if (scale->rows[i].ranks == 0)
            continue;
        print_measurement(scale, &scale->rows[i]);
        measured++;
    }
    printf("\nA step is the median one; the seconds in it are means over steps and ranks. Exposed: "
           "communication that\nranks wait for; hidden: messages that travel meanwhile. Memory: the largest "
           "rank's peak.\n");
    if (measured < scale->rank_count)
        printf("%" PRId64 " of %" PRId64 " numbers of ranks are measured.\n", measured, scale->rank_count);
}

static const struct measurement *measured_on(const struct scale *scale, const struct prediction *prediction)
{
    for (int64_t i = 0; i < scale->rank_count; i++)
        if (scale->rows[i].ranks == prediction->ranks && scale->rows[i].nodes == prediction->nodes)
            return &scale->rows[i];
    return NULL;
}

static void print_predictions(const struct scale *scale)
{
    printf("\nPredicted for nodes like the measured one (%" PRId64
           " rank%s) and links of %.3g GB/s each way, %.4g us:\n\n%6s %6s %11s %10s %9s %16s %16s   %s\n",
           scale->node->ranks, scale->node->ranks == 1 ? "" : "s", scale->link.bandwidth / 1e9,
           1e6 * scale->link.latency, "ranks", "nodes", "tokens/s", "efficiency", "step s", "exposed s",
           "hidden s", "measured");
    for (int64_t i = 0; i < scale->node_count; i++) {
        const struct prediction *row = &scale->predictions[i];
        const struct measurement *measured = measured_on(scale, row);
        printf("%6" PRId64 " %6" PRId64 " %11.1f %9.1f%% %9.4f", row->ranks, row->nodes,
               row->tokens_per_second, 100 * scale_efficiency(scale, row->tokens_per_second, row->ranks),
               row->step);
        print_seconds(row->exposed, row->step);
        print_seconds(row->hidden, row->step);
        if (measured != NULL)
            printf("   %.4f s a step: predicted %+.1f%%", measured->step,
                   100 * (row->step / measured->step - 1));
        printf("\n");
    }
}

void scale_print(const struct scale *scale)
{
    print_measurements(scale);
    if (scale->node != NULL)
        print_predictions(scale);
    else if (scale->has_link)
        printf("\nNo prediction: it starts from a measurement on one node, and there is none.\n");
}

/* --- for programs --- */

static enum status append_rows(const struct scale *scale, struct buffer *out)
{
    TRY(buffer_printf(out,
                      "kind,ranks,nodes,tokens_per_second,efficiency,step_seconds,data_seconds,"
                      "compute_seconds,exposed_seconds,exposed_seconds_max,hidden_seconds,update_seconds,"
                      "peak_memory_bytes\n"));
    for (int64_t i = 0; i < scale->rank_count; i++) {
        const struct measurement *row = &scale->rows[i];
        if (row->ranks > 0)
            TRY(buffer_printf(
                out, "measured,%" PRId64 ",%" PRId64 ",%.9g,%.6g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.0f\n",
                row->ranks, row->nodes, row->tokens_per_second,
                scale_efficiency(scale, row->tokens_per_second, row->ranks), row->step, row->data,
                row->compute, row->exposed, row->exposed_max, row->hidden, row->update, row->memory));
    }
    for (int64_t i = 0; scale->node != NULL && i < scale->node_count; i++) {
        const struct prediction *row = &scale->predictions[i];
        TRY(buffer_printf(out, "predicted,%" PRId64 ",%" PRId64 ",%.9g,%.6g,%.9g,,,%.9g,,%.9g,%.9g,\n",
                          row->ranks, row->nodes, row->tokens_per_second,
                          scale_efficiency(scale, row->tokens_per_second, row->ranks), row->step,
                          row->exposed, row->hidden, row->update));
    }
    return STATUS_OK;
}

enum status scale_write_csv(const struct scale *scale)
{
    struct buffer text = {0};
    enum status status = append_rows(scale, &text);
    if (status == STATUS_OK)
        status = scale_write(scale, "scale.csv", &text);
    buffer_free(&text);
    return status;
}
