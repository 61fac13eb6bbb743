/* What a link between nodes does, from the user's word or from measurements. A fit takes the times t of whole
 * exchanges (sum and gather) of the sizes that `bench exchange` tried between groups of ranks, and looks for
 * latency a and seconds per byte b such that t = a n + b x for all, where n buckets travel one after another
 * (all of the sum, one of the gather) and x bytes pass each way: least squares of a n + b x - t, each square
 * divided by t. Undivided, latency would be lost in the noise of the largest size; divided by the square of
 * t, small sizes, which buffers on the way may swallow, would decide on the bandwidth. */
#include "scale.h"

#include "llmpi/base/file.h"
#include "llmpi/base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LATENCY 20e-6 /* seconds: TCP through a switch */
#define DEFAULT_MESSAGE 1e-6

/* --- words --- */

static const struct {
    const char *name;
    double bytes_per_second;
} units[] = {{"gbit", 1e9 / 8}, {"mbit", 1e6 / 8}, {"", 1}};

static enum status fail_link(const char *text)
{
    return fail(STATUS_USAGE,
                "--link is '%.100s' but must be like 10gbit, 100mbit or 1.2e9 (bytes per second), and may go "
                "on with ,LATENCY,MESSAGE in microseconds, each from 0 to 1e6",
                text);
}

/* ",20" -> 20e-6, and what follows. */
static const char *parse_microseconds(const char *text, double *seconds)
{
    char *end;
    double value = strtod(text + 1, &end);
    if (end == text + 1 || !(value >= 0 && value <= 1e6))
        return NULL;
    *seconds = 1e-6 * value;
    return end;
}

enum status scale_parse_link(const char *text, struct link *out)
{
    char *end;
    const char *next;
    size_t length, unit = 0;
    *out = (struct link){strtod(text, &end), DEFAULT_LATENCY, DEFAULT_MESSAGE};
    next = end;
    length = strcspn(next, ",");
    while (unit < sizeof units / sizeof *units &&
           (strlen(units[unit].name) != length || strncmp(units[unit].name, next, length) != 0))
        unit++;
    if (end == text || unit == sizeof units / sizeof *units)
        return fail_link(text);
    out->bandwidth *= units[unit].bytes_per_second;
    next += length;
    if (*next == ',')
        next = parse_microseconds(next, &out->latency);
    if (next != NULL && *next == ',')
        next = parse_microseconds(next, &out->message);
    if (next == NULL || *next != '\0' || !(out->bandwidth >= 1 && out->bandwidth <= 1e15))
        return fail_link(text);
    return STATUS_OK;
}

/* --- measurements --- */

static double number_of(const struct json *object, const char *name)
{
    double value = 0;
    return json_get_number(json_get_member(object, name), &value) && value > 0 && value < 1e18 ? value : 0;
}

/* Sums of the normal equations; false where there are too few usable sizes. */
static bool fit(const struct json *report, struct link *out)
{
    const struct json *sizes = json_get_member(report, "sizes");
    double groups = number_of(report, "groups"), bucket = number_of(report, "bucket_bytes");
    double width = number_of(report, "wire_bytes") / sizeof(float);
    double nn = 0, nx = 0, xx = 0, n1 = 0, x1 = 0;
    if (groups < 2 || bucket < 1 || width <= 0)
        return false;
    for (int64_t i = 0; i < json_get_count(sizes); i++) {
        double bytes = number_of(json_get_element(sizes, i), "bytes");
        double seconds = number_of(json_get_element(sizes, i), "exchange_seconds");
        if (bytes <= 0 || seconds <= 0)
            return false;
        double root = sqrt(seconds), n = (ceil(bytes / bucket) + 1) / root;
        double x = 2 * (groups - 1) / groups * width * bytes / root;
        nn += n * n;
        nx += n * x;
        xx += x * x;
        n1 += n * root;
        x1 += x * root;
    }
    double determinant = nn * xx - nx * nx;
    double latency = determinant > 1e-9 * nn * xx ? (n1 * xx - x1 * nx) / determinant : -1;
    latency = latency > 0 ? latency : 0;
    double per_byte = xx > 0 ? (x1 - latency * nx) / xx : 0;
    if (!(per_byte > 0))
        return false;
    *out =
        (struct link){1 / per_byte, latency, number_of(json_get_member(report, "link"), "message_seconds")};
    return true;
}

enum status scale_fit_link(const char *path, struct link *out)
{
    struct buffer text = {0};
    struct json *report = NULL;
    enum status status = file_read(path, &text);
    if (status == STATUS_OK &&
        (text.length == 0 || json_parse(text.data, text.length, &report) != STATUS_OK || !fit(report, out)))
        status = fail(STATUS_USAGE,
                      "--exchange=%s must be what `llmpi bench exchange --json` prints when its ranks are on "
                      "at least two nodes",
                      path);
    json_free(report);
    buffer_free(&text);
    return status;
}
