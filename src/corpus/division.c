/* Whole files go to parts by the rule of the longest processing time (Graham 1969): the largest first, each
 * to the part with the least so far; ties go by order. Parts wait in a heap, so that many files and many
 * parts cost little. */
#include "llmpi/corpus/division.h"

#include "llmpi/base/memory.h"
#include "llmpi/corpus/inputs.h"

#include <stdlib.h>
#include <string.h>

enum { SEGMENT_SMALLEST = 1 << 16, SEGMENT_LARGEST = 1 << 22, SEGMENTS_PER_PART = 32 };
enum { TEXT_PER_COMPRESSED = 4 }; /* bytes; web text shrinks to a third or a quarter */

static const double TOLERANCE = 0.1; /* of the mean of the parts */

enum access {
    ACCESS_SEEK, /* from any place */
    ACCESS_WALK, /* from the beginning */
    ACCESS_ONE   /* it is one document, or nothing is known of its length */
};

/* Occurrences of a text that begins as it ends may overlap; then only a search from the beginning of a file
 * knows which of them count. */
static bool overlaps_itself(const char *text)
{
    size_t length = strlen(text);
    for (size_t shift = 1; shift < length; shift++)
        if (memcmp(text, text + shift, length - shift) == 0)
            return true;
    return false;
}

static enum access access_of(const struct corpus *corpus, int64_t file)
{
    struct file_kind kind = file_kind_of(corpus->files.items[file]);
    const char *separator = corpus->settings.document_separator;
    bool text = kind.format == FORMAT_TEXT;
    if (corpus->starts[file + 1] == corpus->starts[file])
        return ACCESS_ONE;
    if (text && (separator == NULL || separator[0] == '\0'))
        return ACCESS_ONE;
    if (kind.compression != COMPRESSION_NONE || corpus->is_array[file] ||
        (text && overlaps_itself(separator)))
        return ACCESS_WALK;
    return ACCESS_SEEK;
}

bool division_can_seek(const struct corpus *corpus, int64_t file)
{
    return access_of(corpus, file) == ACCESS_SEEK;
}

/* Text in a file, guessed. */
static double weight_of(const struct corpus *corpus, int64_t file)
{
    double size = (double)(corpus->starts[file + 1] - corpus->starts[file]);
    bool compressed = file_kind_of(corpus->files.items[file]).compression != COMPRESSION_NONE;
    return compressed ? TEXT_PER_COMPRESSED * size : size;
}

struct item {
    double weight;
    int64_t file;
};

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return (x->file > y->file) - (x->file < y->file);
}

struct load {
    double weight;
    int64_t part;
};

static bool is_lighter(const struct load *a, const struct load *b)
{
    return a->weight < b->weight || (a->weight == b->weight && a->part < b->part);
}

/* Restores the order of a heap whose first element became heavier. */
static void sink_first(struct load *heap, int64_t count)
{
    for (int64_t at = 0, child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_lighter(&heap[child + 1], &heap[child]))
            child++;
        if (!is_lighter(&heap[child], &heap[at]))
            return;
        struct load heavier = heap[at];
        heap[at] = heap[child];
        heap[child] = heavier;
    }
}

/* Files to give away, and parts to give them to. */
struct sharing {
    struct item *items;
    int64_t count;
    struct load *heap;
    int64_t parts;
};

static void give_away(struct sharing *sharing, int64_t *whole)
{
    for (int64_t part = 0; part < sharing->parts; part++)
        sharing->heap[part] = (struct load){0, part};
    if (sharing->count > 0)
        qsort(sharing->items, (size_t)sharing->count, sizeof *sharing->items, compare_items);
    for (int64_t i = 0; i < sharing->count; i++) {
        whole[sharing->items[i].file] = sharing->heap[0].part;
        sharing->heap[0].weight += sharing->items[i].weight;
        sink_first(sharing->heap, sharing->parts);
    }
}

/* Whether all parts are near the mean when each also gets an equal share of `divisible` bytes. */
static bool is_balanced(const struct sharing *sharing, double divisible)
{
    double sum = 0, least = sharing->heap[0].weight, most = 0;
    for (int64_t part = 0; part < sharing->parts; part++) {
        double weight = sharing->heap[part].weight;
        sum += weight;
        most = weight > most ? weight : most;
    }
    double mean = sum / (double)sharing->parts,
           allowed = TOLERANCE * (mean + divisible / (double)sharing->parts);
    return most - mean <= allowed && mean - least <= allowed;
}

static void collect(const struct corpus *corpus, bool with_walked, struct sharing *sharing)
{
    sharing->count = 0;
    for (int64_t file = 0; file < corpus->files.count; file++) {
        enum access access = access_of(corpus, file);
        if (access == ACCESS_ONE || (access == ACCESS_WALK && with_walked))
            sharing->items[sharing->count++] = (struct item){weight_of(corpus, file), file};
    }
}

static void share_files(const struct corpus *corpus, struct sharing *sharing, struct division *out)
{
    double divisible = 0;
    for (int64_t file = 0; file < corpus->files.count; file++) {
        out->whole[file] = -1;
        if (access_of(corpus, file) == ACCESS_SEEK)
            divisible += weight_of(corpus, file);
    }
    collect(corpus, true, sharing);
    give_away(sharing, out->whole);
    if (is_balanced(sharing, divisible))
        return;
    for (int64_t file = 0; file < corpus->files.count; file++) {
        out->whole[file] = -1;
        if (access_of(corpus, file) != ACCESS_WALK)
            continue;
        out->walked_example = file;
        out->walked++;
    }
    collect(corpus, false, sharing);
    give_away(sharing, out->whole);
}

enum status division_make(const struct corpus *corpus, int64_t parts, struct division *out)
{
    *out = (struct division){.parts = parts, .segment = SEGMENT_SMALLEST};
    while (out->segment < SEGMENT_LARGEST && out->segment * 2 <= corpus->bytes / SEGMENTS_PER_PART / parts)
        out->segment *= 2;
    const char *what = "the division of a corpus";
    int64_t files = corpus->files.count;
    struct sharing sharing = {.parts = parts};
    sharing.items = memory_allocate(files, sizeof *sharing.items, what);
    sharing.heap = memory_allocate(parts, sizeof *sharing.heap, what);
    out->whole = memory_allocate(files, sizeof *out->whole, what);
    bool ready = sharing.items != NULL && sharing.heap != NULL && out->whole != NULL;
    if (ready)
        share_files(corpus, &sharing, out);
    else
        division_free(out);
    memory_free(sharing.items);
    memory_free(sharing.heap);
    return ready ? STATUS_OK : STATUS_FAILED;
}

void division_free(struct division *division)
{
    memory_free(division->whole);
    *division = (struct division){0};
}

int64_t division_part_of_segment(const struct division *division, const struct corpus *corpus, int64_t file,
                                 int64_t index)
{
    if (division->whole[file] >= 0)
        return division->whole[file];
    return (corpus->starts[file] / division->segment + index) % division->parts;
}

int64_t division_part(const struct division *division, const struct corpus *corpus, int64_t file,
                      int64_t position)
{
    if (division->whole[file] >= 0)
        return division->whole[file];
    return (corpus->starts[file] + position) / division->segment % division->parts;
}
