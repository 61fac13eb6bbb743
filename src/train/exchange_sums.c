/* Buckets go through two stations, in the same order on every rank: `carry` once all of the team have
 * announced the block (sums within the team, then messages), `complete` once the other teams' sums have come.
 * At most EXCHANGE_WINDOW buckets are between the two, each with memory of its own. How large buckets are
 * changes who waits when, and no bit: every element is summed by the same rank along the same tree. */
#include "exchange_private.h"

#include "llmpi/base/integer.h"
#include "llmpi/base/memory.h"
#include "llmpi/kernels/clear.h"
#include "llmpi/kernels/threads.h"

#include <string.h>

enum { TAG_SUM = 1, TAG_PARAMETERS };

int exchange_carrier(const struct exchange *exchange, int owner)
{
    return team_place(exchange->team, owner) % team_members(exchange->team);
}

/* Whether this rank carries the owner's parts, and the owner is in another team. */
static bool carries_for(const struct exchange *exchange, int owner)
{
    return exchange_carrier(exchange, owner) == team_index(exchange->team) &&
           team_of(exchange->team, owner) != team_mine(exchange->team);
}

static int carried_parts(const struct exchange *exchange)
{
    int count = 0;
    for (int owner = 0; owner < exchange->ownership.ranks; owner++)
        count += carries_for(exchange, owner);
    return count;
}

static int64_t wire_size(const struct exchange *exchange)
{
    return (int64_t)element_size(exchange->settings.wire);
}

/* --- memory --- */

static int64_t piece_of_bucket(const struct exchange *exchange, int64_t bytes)
{
    return larger(1, bytes / (int64_t)sizeof(float) / exchange->ownership.ranks);
}

void exchange_set_bucket(struct exchange *exchange, int64_t bytes)
{
    exchange->piece = smaller(piece_of_bucket(exchange, bytes), exchange->largest_piece);
}

static enum status take_memory(struct exchange *exchange)
{
    int64_t piece = exchange->largest_piece, others = team_count(exchange->team) - 1;
    bool rounds = exchange->settings.wire == ELEMENT_BF16;
    for (int i = 0; i < EXCHANGE_WINDOW; i++) {
        struct bucket_slot *slot = &exchange->slots[i];
        slot->incoming =
            memory_allocate(others * piece, (size_t)wire_size(exchange), "gradients of other nodes");
        if (slot->incoming == NULL)
            return STATUS_FAILED;
        if (!rounds)
            continue;
        slot->outgoing = memory_allocate(carried_parts(exchange) * piece, sizeof *slot->outgoing,
                                         "gradients for other nodes");
        if (slot->outgoing == NULL)
            return STATUS_FAILED;
    }
    if (rounds)
        exchange->published_values = memory_allocate(
            exchange->ownership.total, sizeof *exchange->published_values, "parameters for other nodes");
    return rounds && exchange->published_values == NULL ? STATUS_FAILED : STATUS_OK;
}

/* The first rank's parts are the longest. */
static int64_t largest_part(const struct ownership *ownership)
{
    int64_t largest = 0;
    for (int64_t block = 0; block < ownership->blocks; block++)
        largest = larger(largest, ownership_part(ownership, block, 0).count);
    return largest;
}

enum status exchange_messages_create(struct exchange *exchange)
{
    int64_t piece = piece_of_bucket(exchange, exchange->settings.bucket_bytes);
    int64_t largest = largest_part(&exchange->ownership);
    exchange->largest_piece = smaller(piece, largest);
    exchange->piece = exchange->largest_piece;
    TRY(comm_agree(exchange->comm, take_memory(exchange)));
    return messages_create(exchange->comm, &exchange->messages);
}

void exchange_messages_destroy(struct exchange *exchange)
{
    messages_destroy(exchange->messages);
    for (int i = 0; i < EXCHANGE_WINDOW; i++) {
        memory_free(exchange->slots[i].incoming);
        memory_free(exchange->slots[i].outgoing);
    }
    memory_free(exchange->published_values);
}

/* --- which bucket --- */

/* The first rank's parts are the longest. */
static int64_t pieces_of(const struct exchange *exchange, int64_t block)
{
    int64_t longest = ownership_part(&exchange->ownership, block, 0).count;
    return exchange->messages == NULL || longest <= exchange->piece ? 1 : divide_up(longest, exchange->piece);
}

static void move_on(const struct exchange *exchange, struct bucket_place *place)
{
    if (++place->piece < pieces_of(exchange, place->block))
        return;
    place->block--;
    place->piece = 0;
}

static struct share piece_of(const struct exchange *exchange, const struct bucket_place *place, int owner)
{
    struct share part = ownership_part(&exchange->ownership, place->block, owner);
    if (exchange->messages == NULL)
        return part;
    int64_t before = smaller(place->piece * exchange->piece, part.count);
    return (struct share){part.first + before, smaller(part.count - before, exchange->piece)};
}

/* --- sums --- */

static void sum_in_team(struct exchange *exchange, struct share share)
{
    int members = team_members(exchange->team);
    for (int i = 0; i < members; i++)
        exchange->summands[i] =
            (struct summand){(const float *)team_memory(exchange->team, i) + share.first, ELEMENT_FP32};
    tree_sum(exchange->gradients + share.first, exchange->summands, members, share.count);
}

static void send_sum(struct exchange *exchange, struct bucket_slot *slot, int owner, struct share share,
                     bf16 *rounded)
{
    const float *sum = exchange->gradients + share.first;
    if (rounded != NULL)
        round_floats(rounded, sum, share.count);
    messages_send(exchange->messages, owner, TAG_SUM, rounded != NULL ? (const void *)rounded : sum,
                  share.count * wire_size(exchange), &slot->leaving);
}

static void receive_sums(struct exchange *exchange, struct bucket_slot *slot)
{
    struct share mine = piece_of(exchange, &exchange->carry, exchange->ownership.rank);
    char *next = slot->incoming;
    for (int number = 0; number < team_count(exchange->team); number++) {
        if (number == team_mine(exchange->team))
            continue;
        int from = team_rank(exchange->team, number, team_index(exchange->team));
        messages_receive(exchange->messages, from, TAG_SUM, next, mine.count * wire_size(exchange),
                         &slot->arriving);
        next += exchange->largest_piece * wire_size(exchange);
    }
}

/* The first station. */
static void carry_bucket(struct exchange *exchange)
{
    struct bucket_slot *slot = &exchange->slots[exchange->carried % EXCHANGE_WINDOW];
    bf16 *rounded = slot->outgoing;
    if (exchange->messages != NULL)
        receive_sums(exchange, slot);
    for (int owner = 0; owner < exchange->ownership.ranks; owner++) {
        bool own = owner == exchange->ownership.rank;
        if (!own && !carries_for(exchange, owner))
            continue;
        struct share share = piece_of(exchange, &exchange->carry, owner);
        if (share.count == 0)
            continue;
        sum_in_team(exchange, share);
        if (own)
            continue;
        send_sum(exchange, slot, owner, share, rounded);
        if (rounded != NULL)
            rounded += share.count;
    }
    exchange->carried++;
    move_on(exchange, &exchange->carry);
}

/* The second station. */
static void complete_bucket(struct exchange *exchange)
{
    if (exchange->messages != NULL) {
        const struct bucket_slot *slot = &exchange->slots[exchange->completed % EXCHANGE_WINDOW];
        struct share share = piece_of(exchange, &exchange->complete, exchange->ownership.rank);
        const char *next = slot->incoming;
        int teams = team_count(exchange->team);
        for (int number = 0; number < teams; number++) {
            bool own = number == team_mine(exchange->team);
            exchange->summands[number] =
                own ? (struct summand){exchange->gradients + share.first, ELEMENT_FP32}
                    : (struct summand){next, exchange->settings.wire};
            if (!own)
                next += exchange->largest_piece * wire_size(exchange);
        }
        if (share.count > 0)
            tree_sum(exchange->gradients + share.first, exchange->summands, teams, share.count);
    }
    exchange->completed++;
    move_on(exchange, &exchange->complete);
}

void exchange_sums_begin(struct exchange *exchange)
{
    exchange->ready_before = exchange->ready;
    exchange->carry = exchange->complete = (struct bucket_place){.block = exchange->ownership.blocks - 1};
}

static bool can_carry(const struct exchange *exchange)
{
    int64_t block = exchange->carry.block;
    return block >= 0 && exchange->carried - exchange->completed < EXCHANGE_WINDOW &&
           exchange->slots[exchange->carried % EXCHANGE_WINDOW].leaving == 0 &&
           team_reached(exchange->team, TEAM_READY,
                        exchange->ready_before + exchange->ownership.blocks - block);
}

static bool can_complete(const struct exchange *exchange)
{
    return exchange->completed < exchange->carried &&
           exchange->slots[exchange->completed % EXCHANGE_WINDOW].arriving == 0;
}

bool exchange_sums_advance(struct exchange *exchange)
{
    if (exchange->messages != NULL)
        messages_progress(exchange->messages);
    for (;;) {
        if (can_complete(exchange))
            complete_bucket(exchange);
        else if (can_carry(exchange))
            carry_bucket(exchange);
        else
            break;
    }
    for (int i = 0; i < EXCHANGE_WINDOW; i++)
        if (exchange->slots[i].leaving > 0)
            return false;
    return exchange->complete.block < 0;
}

/* --- new parameters --- */

/* Where rounded numbers of a part arrive: in the upper half of where they will lie as fp32. */
static bf16 *upper_half(const struct exchange *exchange, struct share part)
{
    return (bf16 *)(exchange->gradients + part.first) + part.count;
}

void exchange_parameters_begin(struct exchange *exchange)
{
    exchange->rounds++;
    exchange->own_published = exchange->published = exchange->taken = 0;
    if (exchange->messages == NULL)
        return;
    for (int64_t block = 0; block < exchange->ownership.blocks; block++)
        for (int owner = 0; owner < exchange->ownership.ranks; owner++) {
            if (!carries_for(exchange, owner))
                continue;
            struct share part = ownership_part(&exchange->ownership, block, owner);
            void *place = exchange_rounds(exchange) ? (void *)upper_half(exchange, part)
                                                    : (void *)(exchange->gradients + part.first);
            messages_receive(exchange->messages, owner, TAG_PARAMETERS, place,
                             part.count * wire_size(exchange), &exchange->arriving[block]);
        }
}

/* Rounded numbers become fp32 in place: from the front, a few at a time, no store reaches what is not read.
 */
static void widen_in_place(const struct exchange *exchange, struct share part)
{
    enum { TILE = 512 };
    bf16 tile[TILE];
    const bf16 *in = upper_half(exchange, part);
    float *out = exchange->gradients + part.first;
    for (int64_t first = 0; first < part.count; first += TILE) {
        int64_t count = part.count - first < TILE ? part.count - first : TILE;
        memcpy(tile, in + first, (size_t)count * sizeof *tile);
        element_to_float(out + first, tile, count);
    }
}

/* What others will have of a share of values: rounded to `rounded`, where that is not NULL. */
static void place_share(float *out, bf16 *rounded, const float *values, struct share share)
{
    if (rounded != NULL) {
        element_from_float(rounded + share.first, values + share.first, share.count);
        element_to_float(out + share.first, rounded + share.first, share.count);
    } else {
        memcpy(out + share.first, values + share.first, (size_t)share.count * sizeof *out);
    }
}

static void place_own(struct exchange *exchange, int64_t block, struct share part, const float *values)
{
    float *out = exchange->gradients + part.first;
    bf16 *rounded = exchange->published_values;
    if (rounded != NULL)
        rounded += exchange->ownership.packed[block];
    ON_THREADS(part.count, place_share(out, rounded, values, threads_share(part.count)));
}

void exchange_parameters_send(struct exchange *exchange, int64_t block, const float *values)
{
    struct share part = ownership_part(&exchange->ownership, block, exchange->ownership.rank);
    place_own(exchange, block, part, values);
    for (int number = 0; exchange->messages != NULL && number < team_count(exchange->team); number++) {
        if (number == team_mine(exchange->team))
            continue;
        const void *data =
            exchange->published_values != NULL
                ? (const void *)(exchange->published_values + exchange->ownership.packed[block])
                : (const void *)(exchange->gradients + part.first);
        messages_send(exchange->messages, team_rank(exchange->team, number, team_index(exchange->team)),
                      TAG_PARAMETERS, data, part.count * wire_size(exchange), &exchange->leaving);
    }
}

void exchange_parameters_advance(struct exchange *exchange)
{
    if (exchange->messages != NULL)
        messages_progress(exchange->messages);
    while (exchange->published < exchange->own_published && exchange->arriving[exchange->published] == 0) {
        for (int owner = 0; exchange->published_values != NULL && owner < exchange->ownership.ranks; owner++)
            if (carries_for(exchange, owner))
                widen_in_place(exchange, ownership_part(&exchange->ownership, exchange->published, owner));
        exchange->published++;
        team_post(exchange->team, TEAM_PUBLISHED,
                  (exchange->rounds - 1) * exchange->ownership.blocks + exchange->published);
    }
}

bool exchange_is_sending(struct exchange *exchange)
{
    if (exchange->messages == NULL)
        return false;
    messages_progress(exchange->messages);
    return exchange->leaving > 0;
}
