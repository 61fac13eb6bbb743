/* Capacity doubles at powers of two and is found from the count itself, so that a folder of a hundred
 * thousand files is as quick to list as a handful of prompts. */
#include "llmpi/base/string_list.h"

#include "llmpi/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum status string_list_add(struct string_list *list, const char *text)
{
    if ((list->count & (list->count - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        int64_t capacity = list->count > 0 ? list->count * 2 : 1;
        char **items = memory_resize(list->items, capacity, sizeof *items, "a list of strings");
        if (items == NULL)
            return STATUS_FAILED;
        list->items = items;
    }
    char *copy = memory_copy_text(text, strlen(text));
    if (copy == NULL)
        return STATUS_FAILED;
    list->items[list->count++] = copy;
    return STATUS_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void string_list_sort(struct string_list *list)
{
    if (list->count > 1)
        qsort(list->items, (size_t)list->count, sizeof *list->items, compare);
}

void string_list_free(struct string_list *list)
{
    for (int64_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct string_list){0};
}

int string_distance(const char *a, const char *b)
{
    enum { LONGEST = 63 };
    size_t length_a = strlen(a), length_b = strlen(b);
    if (length_a > LONGEST || length_b > LONGEST)
        return LONGEST;
    int row[LONGEST + 1];
    for (size_t j = 0; j <= length_b; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= length_a; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= length_b; j++) {
            int substitute = diagonal + (a[i - 1] != b[j - 1]);
            int shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = substitute < shorter ? substitute : shorter;
        }
    }
    return row[length_b];
}
