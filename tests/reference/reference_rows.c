/* The references of kernels that work element by element or row by row. */
#include "reference.h"

#include <math.h>
#include <stddef.h>

static const double pi = 3.14159265358979323846;

void reference_gelu_forward(double *y, const double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = 0.5 * x[i] * (1.0 + tanh(sqrt(2.0 / pi) * (x[i] + 0.044715 * x[i] * x[i] * x[i])));
}

void reference_gelu_backward(double *dx, const double *x, const double *dy, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double t = tanh(sqrt(2.0 / pi) * (x[i] + 0.044715 * x[i] * x[i] * x[i]));
        double inner = sqrt(2.0 / pi) * (1.0 + 3.0 * 0.044715 * x[i] * x[i]);
        dx[i] = dy[i] * (0.5 * (1.0 + t) + 0.5 * x[i] * (1.0 - t * t) * inner);
    }
}

void reference_layernorm_forward(double *y, double *mean, double *rstd, const double *x, const double *gain,
                                 const double *bias, int64_t rows, int64_t width)
{
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0.0, squares = 0.0;
        for (int64_t i = 0; i < width; i++)
            sum += x[r * width + i];
        mean[r] = sum / (double)width;
        for (int64_t i = 0; i < width; i++)
            squares += pow(x[r * width + i] - mean[r], 2.0);
        rstd[r] = 1.0 / sqrt(squares / (double)width + 1e-5);
        for (int64_t i = 0; i < width; i++)
            y[r * width + i] =
                (x[r * width + i] - mean[r]) * rstd[r] * gain[i] + (bias != NULL ? bias[i] : 0.0);
    }
}

void reference_layernorm_backward(double *dx, double *dgain, double *dbias, const double *dy, const double *x,
                                  const double *mean, const double *rstd, const double *gain, int64_t rows,
                                  int64_t width)
{
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0.0, product = 0.0;
        for (int64_t i = 0; i < width; i++) {
            double normal = (x[r * width + i] - mean[r]) * rstd[r], gradient = dy[r * width + i];
            dgain[i] += gradient * normal;
            dbias[i] += gradient;
            sum += gradient * gain[i] / (double)width;
            product += gradient * gain[i] * normal / (double)width;
        }
        for (int64_t i = 0; i < width; i++) {
            double normal = (x[r * width + i] - mean[r]) * rstd[r];
            dx[r * width + i] = rstd[r] * (dy[r * width + i] * gain[i] - sum - normal * product);
        }
    }
}

static int64_t place(const int32_t *position, int64_t row, int64_t length)
{
    return position != NULL ? position[row] : row % length;
}

void reference_embedding_forward(double *y, const double *wte, const double *wpe, const uint32_t *tokens,
                                 const int32_t *position, int64_t rows, int64_t length, int64_t width)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < width; i++)
            y[r * width + i] = wte[tokens[r] * width + i] +
                               (wpe != NULL ? wpe[place(position, r, length) * width + i] : 0.0);
}

void reference_embedding_backward(double *dwte, double *dwpe, const double *dy, const uint32_t *tokens,
                                  const int32_t *position, int64_t rows, int64_t length, int64_t width)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < width; i++) {
            dwte[tokens[r] * width + i] += dy[r * width + i];
            if (dwpe != NULL)
                dwpe[place(position, r, length) * width + i] += dy[r * width + i];
        }
    }
}

void reference_cross_entropy_forward(double *loss, const double *logits, const uint32_t *targets,
                                     int64_t rows, int64_t vocab)
{
    for (int64_t r = 0; r < rows; r++) {
        const double *row = logits + r * vocab;
        double largest = row[0], sum = 0.0;
        for (int64_t i = 0; i < vocab; i++)
            largest = fmax(largest, row[i]);
        for (int64_t i = 0; i < vocab; i++)
            sum += exp(row[i] - largest);
        loss[r] = log(sum) + largest - row[targets[r]];
    }
}

void reference_cross_entropy_backward(double *dlogits, const double *logits, const uint32_t *targets,
                                      const double *weight, int64_t rows, int64_t vocab)
{
    for (int64_t r = 0; r < rows; r++) {
        const double *row = logits + r * vocab;
        double loss = 0.0;
        reference_cross_entropy_forward(&loss, row, targets + r, 1, vocab);
        double total = loss + row[targets[r]];
        for (int64_t i = 0; i < vocab; i++)
            dlogits[r * vocab + i] = (weight != NULL ? weight[r] : 1.0) *
                                     (exp(row[i] - total) - ((int64_t)targets[r] == i ? 1.0 : 0.0));
    }
}

void reference_adamw_update(const struct reference_adamw *settings, double *parameter, double gradient,
                            double *exp_avg, double *exp_avg_sq)
{
    double step = (double)settings->step;
    *parameter -= settings->learning_rate * settings->weight_decay * *parameter;
    *exp_avg = settings->beta1 * *exp_avg + (1.0 - settings->beta1) * gradient;
    *exp_avg_sq = settings->beta2 * *exp_avg_sq + (1.0 - settings->beta2) * gradient * gradient;
    double average = *exp_avg / (1.0 - pow(settings->beta1, step));
    double square = *exp_avg_sq / (1.0 - pow(settings->beta2, step));
    *parameter -= settings->learning_rate * average / (sqrt(square) + settings->epsilon);
}
