/* The plot: tokens per second against ranks, both axes logarithmic, so that ideal scaling is a straight line.
 */
#include "scale.h"

#include "llmpi/base/log.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { WIDTH = 720, HEIGHT = 480, LEFT = 90, RIGHT = 25, TOP = 50, BOTTOM = 65, TICKS = 12 };

/* An axis shows [least, most], which lies at places [from, to] of the picture. */
struct axis {
    double least, most, from, to;
};

struct plot {
    const struct scale *scale;
    struct axis x, y;
    struct buffer *out;
};

static double place(const struct axis *axis, double value)
{
    return axis->from + (axis->to - axis->from) * log(value / axis->least) / log(axis->most / axis->least);
}

static double ideal(const struct scale *scale, double ranks)
{
    return scale_first(scale)->tokens_per_second / (double)scale_first(scale)->ranks * ranks;
}

static void widen(struct axis *axis, double value)
{
    axis->least = fmin(axis->least, value);
    axis->most = fmax(axis->most, value);
}

/* What the lines reach, and a little more. */
static void find_axes(struct plot *plot)
{
    const struct scale *scale = plot->scale;
    double first = (double)scale_first(scale)->ranks, speed = scale_first(scale)->tokens_per_second;
    plot->x = (struct axis){first, first, LEFT, WIDTH - RIGHT};
    plot->y = (struct axis){speed, speed, HEIGHT - BOTTOM, TOP};
    for (int64_t i = 0; i < scale->rank_count; i++) {
        if (scale->rows[i].ranks == 0)
            continue;
        widen(&plot->x, (double)scale->rows[i].ranks);
        widen(&plot->y, scale->rows[i].tokens_per_second);
    }
    for (int64_t i = 0; scale->node != NULL && i < scale->node_count; i++) {
        widen(&plot->x, (double)scale->predictions[i].ranks);
        widen(&plot->y, scale->predictions[i].tokens_per_second);
    }
    widen(&plot->y, ideal(scale, plot->x.most));
    plot->x = (struct axis){plot->x.least / 1.15, plot->x.most * 1.15, plot->x.from, plot->x.to};
    plot->y = (struct axis){plot->y.least / 1.3, plot->y.most * 1.3, plot->y.from, plot->y.to};
}

/* --- pieces --- */

static enum status line(struct plot *plot, double x1, double y1, double x2, double y2, const char *style)
{
    return buffer_printf(plot->out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1,
                         x2, y2, style);
}

/* Powers of two, so many apart that their labels have room. */
static enum status draw_x(struct plot *plot)
{
    int step = 1 + (int)(log2(plot->x.most / plot->x.least) / TICKS);
    for (int power = 0; ldexp(1, power) <= plot->x.most; power += step) {
        if (ldexp(1, power) < plot->x.least)
            continue;
        double x = place(&plot->x, ldexp(1, power));
        TRY(line(plot, x, HEIGHT - BOTTOM, x, TOP, "stroke=\"#ddd\""));
        TRY(buffer_printf(plot->out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n", x,
                          HEIGHT - BOTTOM + 20, ldexp(1, power)));
    }
    return buffer_printf(plot->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">ranks</text>\n",
                         (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18);
}

/* 1, 2 and 5 times powers of ten; over many decades the powers alone. */
static enum status draw_y(struct plot *plot)
{
    static const double steps[] = {1, 2, 5};
    int used = log10(plot->y.most / plot->y.least) > 3 ? 1 : 3;
    for (int power = (int)floor(log10(plot->y.least)); pow(10, power) <= plot->y.most; power++) {
        for (int i = 0; i < used; i++) {
            double value = steps[i] * pow(10, power), y = place(&plot->y, value);
            char text[16];
            if (value < plot->y.least || value > plot->y.most)
                continue;
            TRY(line(plot, LEFT, y, WIDTH - RIGHT, y, "stroke=\"#ddd\""));
            TRY(buffer_printf(plot->out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                              LEFT - 8, y + 4, log_count(text, value)));
        }
    }
    return buffer_printf(plot->out,
                         "<text x=\"22\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 22 "
                         "%d)\">tokens per second</text>\n",
                         (TOP + HEIGHT - BOTTOM) / 2, (TOP + HEIGHT - BOTTOM) / 2);
}

/* Row number `row` of the legend, top left, where lines that go up do not come. */
static enum status explain(struct plot *plot, int row, const char *text, const char *style)
{
    double y = TOP + 20 + 20 * row;
    TRY(line(plot, LEFT + 15, y, LEFT + 50, y, style));
    return buffer_printf(plot->out, "<text x=\"%d\" y=\"%.1f\">%s</text>\n", LEFT + 58, y + 4, text);
}

#define IDEAL     "stroke=\"#888\" stroke-dasharray=\"6 4\""
#define MEASURED  "stroke=\"#1f5fa8\" stroke-width=\"2\" fill=\"none\""
#define PREDICTED "stroke=\"#c4561b\" stroke-width=\"2\" stroke-dasharray=\"2 3\" fill=\"none\""

static enum status draw_ideal(struct plot *plot)
{
    double first = (double)scale_first(plot->scale)->ranks, last = plot->x.most / 1.15;
    TRY(line(plot, place(&plot->x, first), place(&plot->y, ideal(plot->scale, first)), place(&plot->x, last),
             place(&plot->y, ideal(plot->scale, last)), IDEAL));
    return explain(plot, 0, "ideal", IDEAL);
}

static enum status draw_point(struct plot *plot, double ranks, double speed)
{
    return buffer_printf(plot->out, "%.1f,%.1f ", place(&plot->x, ranks), place(&plot->y, speed));
}

static enum status draw_measurements(struct plot *plot)
{
    const struct scale *scale = plot->scale;
    TRY(buffer_printf(plot->out, "<polyline " MEASURED " points=\""));
    for (int64_t i = 0; i < scale->rank_count; i++)
        if (scale->rows[i].ranks > 0)
            TRY(draw_point(plot, (double)scale->rows[i].ranks, scale->rows[i].tokens_per_second));
    TRY(buffer_printf(plot->out, "\"/>\n"));
    for (int64_t i = 0; i < scale->rank_count; i++)
        if (scale->rows[i].ranks > 0)
            TRY(buffer_printf(plot->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"#1f5fa8\"/>\n",
                              place(&plot->x, (double)scale->rows[i].ranks),
                              place(&plot->y, scale->rows[i].tokens_per_second)));
    return explain(plot, 1, "measured", MEASURED);
}

static enum status draw_predictions(struct plot *plot)
{
    const struct scale *scale = plot->scale;
    if (scale->node == NULL)
        return STATUS_OK;
    TRY(buffer_printf(plot->out, "<polyline " PREDICTED " points=\""));
    TRY(draw_point(plot, (double)scale->node->ranks, scale->node->tokens_per_second));
    for (int64_t i = 0; i < scale->node_count; i++)
        TRY(draw_point(plot, (double)scale->predictions[i].ranks, scale->predictions[i].tokens_per_second));
    TRY(buffer_printf(plot->out, "\"/>\n"));
    return explain(plot, 2, "predicted", PREDICTED);
}

static enum status draw(struct plot *plot)
{
    const struct measurement *first = scale_first(plot->scale);
    TRY(buffer_printf(
        plot->out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
        "font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
        "<text x=\"%d\" y=\"28\" font-size=\"16\">%s scaling, %" PRId64 " x %" PRId64
        " tokens a step %s, %s</text>\n",
        WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT, plot->scale->strong ? "Strong" : "Weak",
        plot->scale->config->train.batch_size, first->shape.context_length,
        plot->scale->strong ? "in all" : "for each rank", first->precision));
    TRY(draw_x(plot));
    TRY(draw_y(plot));
    TRY(line(plot, LEFT, TOP, LEFT, HEIGHT - BOTTOM, "stroke=\"#222\""));
    TRY(line(plot, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "stroke=\"#222\""));
    TRY(draw_ideal(plot));
    TRY(draw_predictions(plot));
    TRY(draw_measurements(plot));
    return buffer_printf(plot->out, "</svg>\n");
}

enum status scale_write_plot(const struct scale *scale)
{
    struct buffer text = {0};
    struct plot plot = {.scale = scale, .out = &text};
    find_axes(&plot);
    enum status status = draw(&plot);
    if (status == STATUS_OK)
        status = scale_write(scale, "scale.svg", &text);
    buffer_free(&text);
    return status;
}
