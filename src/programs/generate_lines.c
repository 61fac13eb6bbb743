/* stub */
#include "generate.h"
enum status generate_lines(const struct arguments *arguments, struct comm *comm, const struct config *config,
                           struct train_state *state, const struct generate_options *options)
{
    (void)arguments, (void)comm, (void)config, (void)state, (void)options;
    return fail(STATUS_FAILED, "later");
}
