/* Reading Thrift's compact protocol. A problem moves reading to the end of the bytes: whatever loop is
 * running above ends by itself, and nothing needs to be checked in between. */
#include "llmpi/corpus/parquet_decode.h"

enum { DEEPEST = 32 }; /* levels of nesting in what is skipped; Parquet's own metadata need seven */

static void give_up(struct thrift *thrift, const char *problem)
{
    if (thrift->problem == NULL)
        thrift->problem = problem;
    thrift->at = thrift->end;
}

static void give_up_early(struct thrift *thrift)
{
    if (thrift->problem == NULL)
        thrift->ended_early = true;
    give_up(thrift, "the metadata end too early");
}

static uint8_t read_byte(struct thrift *thrift)
{
    if (thrift->at < thrift->end)
        return *thrift->at++;
    give_up_early(thrift);
    return 0;
}

static uint64_t read_varint(struct thrift *thrift)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = read_byte(thrift);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return thrift->problem == NULL ? value : 0;
    }
    give_up(thrift, "an integer is longer than 64 bits");
    return 0;
}

static int64_t read_zigzag(struct thrift *thrift)
{
    uint64_t value = read_varint(thrift);
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

static void pass_bytes(struct thrift *thrift, uint64_t count)
{
    if (count > (uint64_t)(thrift->end - thrift->at))
        give_up_early(thrift);
    else
        thrift->at += count;
}

bool thrift_next_field(struct thrift *thrift, struct thrift_field *field)
{
    uint8_t header = read_byte(thrift);
    if (thrift->problem != NULL || header == THRIFT_STOP)
        return false;
    field->type = header & 0x0F;
    if (header >> 4 != 0)
        field->id += header >> 4;
    else
        field->id = read_zigzag(thrift);
    if (field->type > THRIFT_UUID || field->type == THRIFT_STOP)
        give_up(thrift, "a field has an unknown type");
    else if (field->id < INT16_MIN || field->id > INT16_MAX)
        give_up(thrift, "a field number has more than 16 bits");
    return thrift->problem == NULL;
}

int64_t thrift_integer(struct thrift *thrift, struct thrift_field field)
{
    if (field.type == THRIFT_BYTE)
        return (int8_t)read_byte(thrift);
    if (field.type >= THRIFT_I16 && field.type <= THRIFT_I64)
        return read_zigzag(thrift);
    give_up(thrift, "a field is no integer, expected one");
    return 0;
}

bool thrift_boolean(struct thrift *thrift, struct thrift_field field)
{
    if (field.type != THRIFT_TRUE && field.type != THRIFT_FALSE)
        give_up(thrift, "a field is no boolean, expected one");
    return field.type == THRIFT_TRUE;
}

void thrift_binary(struct thrift *thrift, struct thrift_field field, const char **data, size_t *length)
{
    *data = "";
    *length = 0;
    if (field.type != THRIFT_BINARY) {
        give_up(thrift, "a field is no string, expected one");
        return;
    }
    uint64_t bytes = read_varint(thrift);
    const uint8_t *begin = thrift->at;
    pass_bytes(thrift, bytes);
    if (thrift->problem == NULL) {
        *data = (const char *)begin;
        *length = (size_t)bytes;
    }
}

bool thrift_struct(struct thrift *thrift, struct thrift_field field)
{
    if (field.type != THRIFT_STRUCT)
        give_up(thrift, "a field is no structure, expected one");
    return field.type == THRIFT_STRUCT;
}

/* An element takes at least one byte, whatever its type. */
static int64_t read_list_header(struct thrift *thrift, enum thrift_type *element)
{
    uint8_t header = read_byte(thrift);
    uint64_t count = header >> 4;
    if (count == 15)
        count = read_varint(thrift);
    *element = header & 0x0F;
    if (count > (uint64_t)(thrift->end - thrift->at)) {
        give_up_early(thrift);
        return 0;
    }
    return (int64_t)count;
}

int64_t thrift_list(struct thrift *thrift, struct thrift_field field, enum thrift_type element)
{
    if (field.type != THRIFT_LIST) {
        give_up(thrift, "a field is no list, expected one");
        return 0;
    }
    enum thrift_type found;
    int64_t count = read_list_header(thrift, &found);
    if (count > 0 && found != element) {
        give_up(thrift, "a list has elements of an unexpected type");
        return 0;
    }
    return count;
}

static void skip_value(struct thrift *thrift, enum thrift_type type, int depth);

static void skip_list(struct thrift *thrift, int depth)
{
    enum thrift_type element;
    int64_t count = read_list_header(thrift, &element);
    for (int64_t i = 0; i < count && thrift->problem == NULL; i++)
        if (element == THRIFT_TRUE || element == THRIFT_FALSE)
            read_byte(thrift);
        else
            skip_value(thrift, element, depth);
}

static void skip_map(struct thrift *thrift, int depth)
{
    uint64_t count = read_varint(thrift);
    if (count == 0)
        return;
    uint8_t types = read_byte(thrift);
    for (uint64_t i = 0; i < count && thrift->problem == NULL; i++)
        for (int side = 4; side >= 0; side -= 4) {
            enum thrift_type type = types >> side & 0x0F;
            if (type == THRIFT_TRUE || type == THRIFT_FALSE)
                read_byte(thrift);
            else
                skip_value(thrift, type, depth);
        }
}

static void skip_value(struct thrift *thrift, enum thrift_type type, int depth)
{
    struct thrift_field field = {0};
    if (depth == 0) {
        give_up(thrift, "the metadata are nested too deeply");
        return;
    }
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        return;
    case THRIFT_BYTE:
        return pass_bytes(thrift, 1);
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        read_varint(thrift);
        return;
    case THRIFT_DOUBLE:
        return pass_bytes(thrift, 8);
    case THRIFT_UUID:
        return pass_bytes(thrift, 16);
    case THRIFT_BINARY:
        return pass_bytes(thrift, read_varint(thrift));
    case THRIFT_LIST:
    case THRIFT_SET:
        return skip_list(thrift, depth - 1);
    case THRIFT_MAP:
        return skip_map(thrift, depth - 1);
    case THRIFT_STRUCT:
        while (thrift_next_field(thrift, &field))
            skip_value(thrift, field.type, depth - 1);
        return;
    default:
        give_up(thrift, "a value has an unknown type");
    }
}

void thrift_skip(struct thrift *thrift, struct thrift_field field)
{
    skip_value(thrift, field.type, DEEPEST);
}
