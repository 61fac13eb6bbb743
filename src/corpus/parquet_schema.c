/* From the tree of the schema to columns: each child of the root is one. A child without children of its own
 * can be read if a program can use its type; everything else gets a name for the error message. */
#include "parquet_private.h"

#include "llmpi/base/memory.h"

enum { REPEATED = 2 };
enum converted_type {
    CONVERTED_NONE = -1,
    CONVERTED_UTF8 = 0,
    CONVERTED_MAP = 1,
    CONVERTED_MAP_KEY_VALUE = 2,
    CONVERTED_LIST = 3,
    CONVERTED_ENUM = 4,
    CONVERTED_DECIMAL = 5,
    CONVERTED_UINT_8 = 11,
    CONVERTED_UINT_64 = 14,
    CONVERTED_JSON = 19
};
enum logical_type {
    LOGICAL_NONE = -1,
    LOGICAL_STRING = 1,
    LOGICAL_MAP = 2,
    LOGICAL_LIST = 3,
    LOGICAL_ENUM = 4,
    LOGICAL_DECIMAL = 5,
    LOGICAL_INTEGER = 10,
    LOGICAL_UNKNOWN = 11,
    LOGICAL_JSON = 12
};

/* A union: a structure with one field, whose number is the type. */
static void read_logical_type(struct thrift *thrift, struct schema_element *out)
{
    struct thrift_field field = {0};
    while (thrift_next_field(thrift, &field)) {
        out->logical = field.id;
        if (field.id != LOGICAL_INTEGER || !thrift_struct(thrift, field)) {
            thrift_skip(thrift, field);
            continue;
        }
        struct thrift_field inner = {0};
        while (thrift_next_field(thrift, &inner))
            if (inner.id == 2)
                out->logical_unsigned = !thrift_boolean(thrift, inner);
            else
                thrift_skip(thrift, inner);
    }
}

void schema_read_element(struct thrift *thrift, struct schema_element *out)
{
    struct thrift_field field = {0};
    *out = (struct schema_element){
        .name = "", .type = -1, .repetition = -1, .converted = CONVERTED_NONE, .logical = LOGICAL_NONE};
    while (thrift_next_field(thrift, &field)) {
        if (field.id == 1)
            out->type = thrift_integer(thrift, field);
        else if (field.id == 3)
            out->repetition = thrift_integer(thrift, field);
        else if (field.id == 4)
            thrift_binary(thrift, field, &out->name, &out->name_length);
        else if (field.id == 5)
            out->children = thrift_integer(thrift, field);
        else if (field.id == 6)
            out->converted = thrift_integer(thrift, field);
        else if (field.id == 10 && thrift_struct(thrift, field))
            read_logical_type(thrift, out);
        else
            thrift_skip(thrift, field);
    }
}

static bool is_leaf(const struct schema_element *element)
{
    return element->children == 0 && element->type >= 0;
}

static const char *describe_group(const struct schema_element *element)
{
    if (element->logical == LOGICAL_LIST || element->converted == CONVERTED_LIST)
        return "a list";
    if (element->logical == LOGICAL_MAP || element->converted == CONVERTED_MAP ||
        element->converted == CONVERTED_MAP_KEY_VALUE)
        return "a map";
    return "a structure of other columns";
}

static bool is_decimal(const struct schema_element *element)
{
    return element->logical == LOGICAL_DECIMAL ||
           (element->logical == LOGICAL_NONE && element->converted == CONVERTED_DECIMAL);
}

static bool is_text(const struct schema_element *element)
{
    int64_t logical = element->logical, converted = element->converted;
    if (logical != LOGICAL_NONE)
        return logical == LOGICAL_STRING || logical == LOGICAL_ENUM || logical == LOGICAL_JSON ||
               logical == LOGICAL_UNKNOWN;
    return converted == CONVERTED_NONE || converted == CONVERTED_UTF8 || converted == CONVERTED_ENUM ||
           converted == CONVERTED_JSON;
}

static void classify_leaf(const struct schema_element *element, struct parquet_column *out)
{
    out->kind = PARQUET_OTHER;
    if (element->repetition == REPEATED)
        out->what = "a list";
    else if (is_decimal(element))
        out->what = "a decimal number";
    else if (element->type == TYPE_BOOLEAN)
        out->kind = PARQUET_BOOLEAN;
    else if (element->type == TYPE_INT32 || element->type == TYPE_INT64)
        out->kind = PARQUET_INTEGER;
    else if (element->type == TYPE_FLOAT || element->type == TYPE_DOUBLE)
        out->kind = PARQUET_REAL;
    else if (element->type == TYPE_INT96)
        out->what = "an INT96 time stamp";
    else if (element->type == TYPE_FIXED_LEN_BYTE_ARRAY)
        out->what = "of bytes of a fixed length";
    else if (element->type == TYPE_BYTE_ARRAY && is_text(element))
        out->kind = PARQUET_TEXT;
    else if (element->type == TYPE_BYTE_ARRAY)
        out->what = "of bytes that are no text";
    else
        out->what = "of an unknown type";
}

static void classify(const struct schema_element *element, struct parquet_column *out)
{
    out->type = element->type;
    out->optional = element->repetition != 0;
    out->is_unsigned = element->logical != LOGICAL_NONE ? element->logical_unsigned
                                                        : element->converted >= CONVERTED_UINT_8 &&
                                                              element->converted <= CONVERTED_UINT_64;
    out->kind = PARQUET_OTHER;
    if (!is_leaf(element))
        out->what = describe_group(element);
    else
        classify_leaf(element, out);
}

/* Moves *at behind one element and all below it; counts leaves. */
static enum status pass_element(struct parquet_file *file, int64_t *at)
{
    for (int64_t pending = 1; pending > 0; pending--) {
        if (*at >= file->element_count)
            return fail(STATUS_FAILED, "%s: the schema has %lld elements, but they count more children",
                        file->path, (long long)file->element_count);
        const struct schema_element *element = &file->elements[(*at)++];
        if (element->children < 0)
            return fail(STATUS_FAILED, "%s: element %lld of the schema has %lld children", file->path,
                        (long long)*at - 1, (long long)element->children);
        pending += element->children < file->element_count ? element->children : file->element_count;
        file->leaf_count += is_leaf(element);
    }
    return STATUS_OK;
}

enum status schema_build_columns(struct parquet_file *file)
{
    int64_t at = 1;
    int64_t children = file->element_count > 0 ? file->elements[0].children : -1;
    if (children < 0 || children >= file->element_count)
        return fail(STATUS_FAILED, "%s: the schema has %lld elements and a root with %lld children",
                    file->path, (long long)file->element_count, (long long)children);
    file->columns = memory_allocate(children, sizeof *file->columns, "the columns of a Parquet file");
    if (file->columns == NULL)
        return STATUS_FAILED;
    while (file->column_count < children) {
        if (at >= file->element_count)
            return fail(STATUS_FAILED, "%s: the schema ends after %lld of %lld columns", file->path,
                        (long long)file->column_count, (long long)children);
        struct parquet_column *column = &file->columns[file->column_count++];
        const struct schema_element *element = &file->elements[at];
        classify(element, column);
        column->leaf = file->leaf_count;
        column->name = memory_copy_text(element->name, element->name_length);
        if (column->name == NULL)
            return STATUS_FAILED;
        TRY(pass_element(file, &at));
    }
    if (at != file->element_count)
        return fail(STATUS_FAILED, "%s: the schema has %lld elements, but the columns need %lld", file->path,
                    (long long)file->element_count, (long long)at);
    return STATUS_OK;
}
