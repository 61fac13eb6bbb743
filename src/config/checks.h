/* The checks of a configuration that involve more than one option. */
#ifndef LLMPI_CONFIG_CHECKS_H
#define LLMPI_CONFIG_CHECKS_H

#include "llmpi/config/config.h"

/* STATUS_USAGE "NAME: ..." for the first rule that does not hold. */
enum status config_check(const struct config *config, const char *name);

#endif
