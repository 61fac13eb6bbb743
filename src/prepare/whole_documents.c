/* JSON documents come in one piece and pass through. Long plain text is put together; a document that the
 * reader gave up in the middle ends where the next one begins. */
#include "whole_documents.h"

#include "llmpi/base/json.h"
#include "llmpi/prepare/text_shape.h"

#include <string.h>

static enum status next_piece(struct whole_documents *documents, struct document *out, bool *more)
{
    if (!documents->has_ahead)
        return reader_next(documents->reader, out, more);
    *out = documents->ahead;
    *more = true;
    documents->has_ahead = false;
    return STATUS_OK;
}

static enum status add_piece(struct whole_documents *documents, const struct document *piece)
{
    if (documents->text.length + piece->length > TEXT_SHAPE_LONGEST)
        return fail(STATUS_FAILED,
                    "%s: the document at byte %lld has more than %zu bytes: give corpus.document_separator "
                    "if it is many documents",
                    documents->corpus->files.items[piece->file], (long long)piece->position,
                    TEXT_SHAPE_LONGEST);
    return buffer_append(&documents->text, piece->text, piece->length);
}

static enum status make_record(struct whole_documents *documents, struct document *out)
{
    const char *field = documents->corpus->settings.text_field;
    struct buffer *record = &documents->record;
    buffer_clear(record);
    TRY(buffer_append(record, "{", 1));
    TRY(json_write_text(record, field, strlen(field)));
    TRY(buffer_append(record, ": ", 2));
    TRY(json_write_text(record, documents->text.data, documents->text.length));
    TRY(buffer_append(record, "}", 1));
    out->text = documents->text.data;
    out->length = documents->text.length;
    out->record = record->data;
    out->record_length = record->length;
    out->ends = true;
    return STATUS_OK;
}

enum status whole_documents_next(struct whole_documents *documents, struct document *out, bool *more)
{
    TRY(next_piece(documents, out, more));
    if (!*more || out->ends)
        return STATUS_OK;
    buffer_clear(&documents->text);
    TRY(add_piece(documents, out));
    struct document piece = {0};
    for (bool ends = false, found = false; !ends;) {
        TRY(reader_next(documents->reader, &piece, &found));
        documents->has_ahead = found && piece.begins;
        ends = !found || piece.begins || piece.ends;
        if (found && !piece.begins)
            TRY(add_piece(documents, &piece));
    }
    documents->ahead = piece;
    return make_record(documents, out);
}

void whole_documents_free(struct whole_documents *documents)
{
    buffer_free(&documents->text);
    buffer_free(&documents->record);
    *documents = (struct whole_documents){0};
}
