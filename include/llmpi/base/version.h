/* What was built, and from which commit. */
#ifndef LLMPI_BASE_VERSION_H
#define LLMPI_BASE_VERSION_H

const char *version_number(void);   /* "0.1.0" */
const char *version_commit(void);   /* "1a2b3c4", "1a2b3c4-dirty" or "unknown" */
const char *version_compiler(void); /* "gcc 12.2.0" */

#endif
