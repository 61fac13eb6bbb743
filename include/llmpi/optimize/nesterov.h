/* Stochastic gradient descent with Nesterov's momentum (Sutskever et al. 2013), in the form of PyTorch's
 * torch.optim.SGD, on the outer gradient of DiLoCo (Douillard et al. 2023, arXiv:2311.08105): how far the
 * average of some copies of the parameters has moved away from them, turned round. */
#ifndef LLMPI_OPTIMIZE_NESTEROV_H
#define LLMPI_OPTIMIZE_NESTEROV_H

#include <stdint.h>

struct nesterov {
    double learning_rate, momentum;
};

/* Updates n parameters and their momentum in place, `sums` being those of `copies` copies:
 *
 *     gradient = parameter - sum / copies
 *     momentum = settings.momentum momentum + gradient
 *     parameter = parameter - learning_rate (gradient + settings.momentum momentum)
 *
 * In double precision, rounded once: with learning rate 1 and no momentum the average itself. On the calling
 * thread alone; any pieces of an array may be updated in any order, by any threads. */
void nesterov_update(const struct nesterov *settings, float *parameters, float *momentum, const float *sums,
                     int64_t copies, int64_t n);

#endif
