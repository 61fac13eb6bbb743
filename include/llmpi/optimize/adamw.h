/* AdamW: Adam (Kingma and Ba 2015, arXiv:1412.6980) with decoupled weight decay (Loshchilov and Hutter 2019,
 * arXiv:1711.05101), in the order of PyTorch's torch.optim.AdamW. */
#ifndef LLMPI_OPTIMIZE_ADAMW_H
#define LLMPI_OPTIMIZE_ADAMW_H

#include <stdint.h>

struct adamw {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    int64_t step; /* of this update, from 1: bias correction */
};

/* Updates n parameters and their moments in place. The gradient is multiplied by gradient_scale first (1 /
 * summed token weight, times the clipping factor). weight_decay 0 in `settings` for tensors without decay.
 * On the calling thread alone; any pieces of an array may be updated in any order, by any threads. */
void adamw_update(const struct adamw *settings, float *parameters, const float *gradients, float *exp_avg,
                  float *exp_avg_sq, int64_t n, double gradient_scale);

#endif
