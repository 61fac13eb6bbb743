/* Capacity doubles, so that adding costs constant time on average. */
#include "llmpi/text/token_list.h"

#include "llmpi/base/memory.h"

#include <stdlib.h>

enum status token_list_reserve(struct token_list *list, int64_t extra)
{
    if (list->capacity - list->count >= extra)
        return STATUS_OK;
    int64_t wanted = 2 * list->capacity > list->count + extra ? 2 * list->capacity : list->count + extra + 64;
    uint32_t *ids = memory_resize(list->ids, wanted, sizeof *ids, "token ids");
    if (ids == NULL)
        return STATUS_FAILED;
    list->ids = ids;
    list->capacity = wanted;
    return STATUS_OK;
}

enum status token_list_add(struct token_list *list, uint32_t id)
{
    TRY(token_list_reserve(list, 1));
    list->ids[list->count++] = id;
    return STATUS_OK;
}

void token_list_free(struct token_list *list)
{
    free(list->ids);
    *list = (struct token_list){0};
}
