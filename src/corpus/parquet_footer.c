/* The footer: where every page of every column is. It is parsed as a whole first, which can only fail for
 * damage or lack of memory; then the numbers in it are checked against each other and the file. */
#include "parquet_private.h"

#include "llmpi/base/file.h"
#include "llmpi/base/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL = 8 }; /* the length of the footer and the magic bytes, which also begin the file */

/* Makes room for one more item; returns the items, or NULL after fail() with the old ones untouched. */
static void *grow(void *items, int64_t count, int64_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    int64_t wanted = count < 8 ? 8 : count * 2;
    void *grown = memory_resize(items, wanted, size, "the metadata of a Parquet file");
    if (grown != NULL)
        *capacity = wanted;
    return grown;
}

static void read_chunk_metadata(struct thrift *thrift, struct parquet_chunk *out)
{
    struct thrift_field field = {0};
    while (thrift_next_field(thrift, &field)) {
        if (field.id == 1)
            out->type = thrift_integer(thrift, field);
        else if (field.id == 4)
            out->codec = thrift_integer(thrift, field);
        else if (field.id == 5)
            out->values = thrift_integer(thrift, field);
        else if (field.id == 6)
            out->uncompressed = thrift_integer(thrift, field);
        else if (field.id == 7)
            out->compressed = thrift_integer(thrift, field);
        else if (field.id == 9)
            out->data_offset = thrift_integer(thrift, field);
        else if (field.id == 11)
            out->dictionary_offset = thrift_integer(thrift, field);
        else
            thrift_skip(thrift, field);
    }
}

static void read_chunk(struct thrift *thrift, struct parquet_chunk *out)
{
    struct thrift_field field = {0};
    *out = (struct parquet_chunk){.type = -1, .codec = -1};
    while (thrift_next_field(thrift, &field)) {
        if (field.id == 3 && thrift_struct(thrift, field)) {
            read_chunk_metadata(thrift, out);
            continue;
        }
        out->elsewhere |= field.id == 1;
        out->encrypted |= field.id == 8;
        thrift_skip(thrift, field);
    }
}

static enum status read_row_group(struct thrift *thrift, struct parquet_file *file, struct row_group *out)
{
    struct thrift_field field = {0};
    *out = (struct row_group){.rows = -1, .first_chunk = file->chunk_count};
    while (thrift_next_field(thrift, &field)) {
        if (field.id == 3) {
            out->rows = thrift_integer(thrift, field);
            continue;
        }
        if (field.id != 1) {
            thrift_skip(thrift, field);
            continue;
        }
        for (int64_t left = thrift_list(thrift, field, THRIFT_STRUCT); left > 0 && thrift->problem == NULL;
             left--) {
            struct parquet_chunk *chunks =
                grow(file->chunks, file->chunk_count, &file->chunk_capacity, sizeof *chunks);
            if (chunks == NULL)
                return STATUS_FAILED;
            file->chunks = chunks;
            read_chunk(thrift, &chunks[file->chunk_count++]);
        }
    }
    out->chunks = file->chunk_count - out->first_chunk;
    return STATUS_OK;
}

static enum status read_row_groups(struct thrift *thrift, struct thrift_field field,
                                   struct parquet_file *file)
{
    for (int64_t left = thrift_list(thrift, field, THRIFT_STRUCT); left > 0 && thrift->problem == NULL;
         left--) {
        struct row_group *groups =
            grow(file->groups, file->group_count, &file->group_capacity, sizeof *groups);
        if (groups == NULL)
            return STATUS_FAILED;
        file->groups = groups;
        TRY(read_row_group(thrift, file, &groups[file->group_count++]));
    }
    return STATUS_OK;
}

static enum status read_schema(struct thrift *thrift, struct thrift_field field, struct parquet_file *file)
{
    for (int64_t left = thrift_list(thrift, field, THRIFT_STRUCT); left > 0 && thrift->problem == NULL;
         left--) {
        struct schema_element *elements =
            grow(file->elements, file->element_count, &file->element_capacity, sizeof *elements);
        if (elements == NULL)
            return STATUS_FAILED;
        file->elements = elements;
        schema_read_element(thrift, &elements[file->element_count++]);
    }
    return STATUS_OK;
}

static enum status read_metadata(struct thrift *thrift, struct parquet_file *file)
{
    struct thrift_field field = {0};
    file->rows = -1;
    while (thrift_next_field(thrift, &field)) {
        if (field.id == 2)
            TRY(read_schema(thrift, field, file));
        else if (field.id == 3)
            file->rows = thrift_integer(thrift, field);
        else if (field.id == 4)
            TRY(read_row_groups(thrift, field, file));
        else {
            file->encrypted_columns |= field.id == 8;
            thrift_skip(thrift, field);
        }
    }
    return STATUS_OK;
}

/* Sums of what the footer says, which later code relies on. */
static enum status check_rows(struct parquet_file *file)
{
    int64_t rows = 0;
    for (int64_t g = 0; g < file->group_count; g++) {
        struct row_group *group = &file->groups[g];
        if (group->chunks != file->leaf_count)
            return fail(STATUS_FAILED,
                        "%s: row group %lld has %lld column chunks, the schema has %lld columns", file->path,
                        (long long)g, (long long)group->chunks, (long long)file->leaf_count);
        group->first_row = rows;
        if (group->rows < 0 || __builtin_add_overflow(rows, group->rows, &rows))
            return fail(STATUS_FAILED, "%s: row group %lld says that it has %lld rows", file->path,
                        (long long)g, (long long)group->rows);
    }
    if (rows != file->rows)
        return fail(STATUS_FAILED, "%s: the row groups have %lld rows, the footer says %lld", file->path,
                    (long long)rows, (long long)file->rows);
    return STATUS_OK;
}

static enum status add_sizes(struct parquet_file *file)
{
    for (int64_t c = 0; c < file->column_count; c++) {
        struct parquet_column *column = &file->columns[c];
        int64_t leaves = (c + 1 < file->column_count ? column[1].leaf : file->leaf_count) - column->leaf;
        for (int64_t g = 0; g < file->group_count; g++)
            for (int64_t i = 0; i < leaves; i++) {
                const struct parquet_chunk *chunk =
                    &file->chunks[file->groups[g].first_chunk + column->leaf + i];
                if (chunk->uncompressed < 0 ||
                    __builtin_add_overflow(column->uncompressed, chunk->uncompressed, &column->uncompressed))
                    return fail(STATUS_FAILED,
                                "%s: row group %lld, column \"%.100s\": the footer says it has %lld bytes",
                                file->path, (long long)g, column->name, (long long)chunk->uncompressed);
            }
    }
    return STATUS_OK;
}

static enum status parse_footer(struct parquet_file *file, const uint8_t *data, size_t length)
{
    struct thrift thrift = {.at = data, .end = data + length};
    TRY(read_metadata(&thrift, file));
    if (thrift.problem != NULL)
        return fail(STATUS_FAILED, "%s: the footer at byte %lld is damaged: %s", file->path,
                    (long long)file->data_end, thrift.problem);
    TRY(schema_build_columns(file));
    TRY(check_rows(file));
    return add_sizes(file);
}

/* Finds the footer. A file that begins as Parquet and ends as something else was cut off. */
static enum status read_footer(struct parquet_file *file, int64_t size)
{
    uint8_t head[4] = {0}, tail[TAIL];
    if (size >= 4)
        TRY(file_read_at(file->descriptor, file->path, 0, head, sizeof head));
    bool encrypted = memcmp(head, "PARE", 4) == 0;
    if (memcmp(head, "PAR1", 4) != 0 && !encrypted)
        return fail(STATUS_FAILED, "%s: no Parquet file: it does not begin with PAR1", file->path);
    if (size >= 4 + TAIL)
        TRY(file_read_at(file->descriptor, file->path, size - TAIL, tail, sizeof tail));
    if (size < 4 + TAIL || memcmp(tail + 4, head, 4) != 0)
        return fail(STATUS_FAILED, "%s: the Parquet file is cut off: its %lld bytes do not end with %.4s",
                    file->path, (long long)size, (const char *)head);
    if (encrypted)
        return fail(STATUS_FAILED,
                    "%s: the Parquet file is encrypted (it ends with PARE), which cannot be read",
                    file->path);
    int64_t length = load_u32(tail);
    if (length > size - TAIL - 4)
        return fail(STATUS_FAILED, "%s: the footer should have %lld bytes, but the file has only %lld",
                    file->path, (long long)length, (long long)size);
    file->data_end = size - TAIL - length;
    uint8_t *data = memory_resize(NULL, length, 1, "the footer of a Parquet file");
    if (data == NULL)
        return STATUS_FAILED;
    enum status status = file_read_at(file->descriptor, file->path, file->data_end, data, (size_t)length);
    if (status == STATUS_OK)
        status = parse_footer(file, data, (size_t)length);
    free(data);
    return status;
}

static enum status open_file(const char *path, struct parquet_file *file)
{
    struct stat facts;
    file->path = memory_copy_text(path, strlen(path));
    if (file->path == NULL)
        return STATUS_FAILED;
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* no waiting for a pipe's writer */
    if (file->descriptor < 0 || fstat(file->descriptor, &facts) != 0)
        return file_fail("read", path);
    if (!S_ISREG(facts.st_mode))
        return fail(STATUS_FAILED, "cannot read %s as Parquet: it is no regular file", path);
    return read_footer(file, facts.st_size);
}

enum status parquet_open(const char *path, struct parquet_file **out)
{
    *out = NULL;
    struct parquet_file *file = memory_allocate(1, sizeof *file, "a Parquet file");
    if (file == NULL)
        return STATUS_FAILED;
    file->descriptor = -1;
    enum status status = open_file(path, file);
    free(file->elements);
    file->elements = NULL;
    if (status == STATUS_OK)
        *out = file;
    else
        parquet_close(file);
    return status;
}

void parquet_close(struct parquet_file *file)
{
    if (file == NULL)
        return;
    if (file->descriptor >= 0)
        close(file->descriptor);
    for (int64_t c = 0; c < file->column_count; c++)
        free(file->columns[c].name);
    memory_free(file->columns);
    free(file->groups);
    free(file->chunks);
    free(file->path);
    memory_free(file);
}

int64_t parquet_rows(const struct parquet_file *file)
{
    return file->rows;
}

int64_t parquet_row_groups(const struct parquet_file *file)
{
    return file->group_count;
}

int64_t parquet_columns(const struct parquet_file *file)
{
    return file->column_count;
}

const char *parquet_column_name(const struct parquet_file *file, int64_t column)
{
    return file->columns[column].name;
}

enum parquet_kind parquet_column_kind(const struct parquet_file *file, int64_t column)
{
    return file->columns[column].kind;
}

bool parquet_column_is_unsigned(const struct parquet_file *file, int64_t column)
{
    return file->columns[column].is_unsigned;
}

int64_t parquet_find_column(const struct parquet_file *file, const char *name)
{
    for (int64_t c = 0; c < file->column_count; c++)
        if (strcmp(file->columns[c].name, name) == 0)
            return c;
    return -1;
}

int64_t parquet_column_bytes(const struct parquet_file *file, int64_t column)
{
    return file->columns[column].uncompressed;
}
