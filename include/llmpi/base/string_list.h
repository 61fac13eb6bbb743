/* A list of owned strings. */
#ifndef LLMPI_BASE_STRING_LIST_H
#define LLMPI_BASE_STRING_LIST_H

#include "llmpi/base/status.h"

#include <stdint.h>

/* Start with {0}. */
struct string_list {
    char **items; /* each NUL-terminated and owned by the list */
    int64_t count;
};

/* Appends a copy of `text`. */
enum status string_list_add(struct string_list *list, const char *text);

/* Sorts by bytes (strcmp). */
void string_list_sort(struct string_list *list);

/* Frees everything; the list is {0} again. */
void string_list_free(struct string_list *list);

/* Number of single-character edits (Levenshtein 1966) between two names, for "did you mean". Names longer
 * than 63 bytes count as far away. */
int string_distance(const char *a, const char *b);

#endif
