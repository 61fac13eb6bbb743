/* The comparison of the ranks' parameters names who differs. */
#include "check.h"

#include "llmpi/train/state.h"

#include <string.h>

static const char expected[] = "the parameters of 1 rank (1) are not those of rank 0 ";

int main(void)
{
    struct comm *comm;
    struct config config;
    struct train_state state;
    const struct string_list none = {0};
    if (comm_begin(&comm) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        return 1;
    }
    CHECK(comm, config_load(&config, NULL, &none) == STATUS_OK, "%s", status_message());
    config.tokenizer.vocab_size = 64;
    config.model.n_layer = 1;
    config.model.n_head = 2;
    config.model.n_embd = 16;
    config.model.context_length = 8;
    struct model_use use = state_model_use(&config, ELEMENT_FP32, 2, false);
    CHECK(comm, state_create(&config, NULL, &use, comm, &state) == STATUS_OK, "%s", status_message());
    enum status status = state_check_replicas(&state, comm);
    CHECK(comm, status == STATUS_OK, "equal parameters: %s", status_message());
    if (comm_rank(comm) == 1)
        model_parameters(state.model)[5] = 1e-30F;
    status = state_check_replicas(&state, comm);
    bool alone = comm_size(comm) == 1;
    CHECK(comm, status == (alone ? STATUS_OK : STATUS_FAILED), "status %d", (int)status);
    CHECK(comm, alone || strstr(status_message(), expected) != NULL, "it says: %s", status_message());
    state_destroy(&state);
    config_free(&config);
    comm_end(comm);
    return 0;
}
