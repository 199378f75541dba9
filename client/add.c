/* add: sends PDFs, some side by side, puts them into a store, and follows them until they are read. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "amount.h"
#include "commands.h"
#include "follow.h"
#include "interrupt.h"
#include "item.h"
#include "output.h"
#include "plain.h"
#include "terminal.h"

#define DRAW_MS         100     /* between two drawings of the bars */
#define LONGEST_TURN_MS 10000
#define LOOK_MS         10000   /* after which a file of which nothing was heard is looked at ... */
#define LOOK_SHARE_MS   250     /* ... or later, when there are many: four looks a second in all */
#define MAX_LOOKS       4       /* side by side */
#define MOST_BARS       12
#define MAX_PASSWORD    1024

typedef struct {
    session_t *session;
    shelf_t shelf;
    paths_t paths;
    item_t *items;        /* as many as paths */
    size_t begun, ended;  /* items before `begun` are not waiting */
    item_t **active;      /* begun and not ended */
    size_t active_count;
    char store [MAX_ID];
    char password [MAX_PASSWORD + 2];
    follow_t follow;
    size_t sending, looks;
    int64_t drawn_ms;
    failure_t given_up;   /* its outcome is not OK: the service is gone, nothing more is tried */
} add_t;

static int64_t now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_flag (const add_t *add, option_t option)
{
    return add->session->arguments->given [option];
}

static void enter (add_t *add, item_t *item, item_state_t state)
{
    item_enter (item, state, add->session->json);
}

/* -- the steps of one item ------------------------------------------------------------------- */

/* Whatever failed: tries again later, gives the item up, or gives all up. Returns 0 when nothing did. */
static int step_failed (add_t *add, item_t *item, const answer_t *answer)
{
    session_t *session = add->session;
    failure_t failure;
    item->is_busy = false;
    long wait_ms = retry_wait_ms (&item->retry, answer, session->has_answered, session->patience_s);
    session->has_answered = session->has_answered || answer->status != 0;
    if (session_failure (session, answer, &failure) == 0) {
        item->retry = (retry_t) {0};
        return 0;
    }
    if (wait_ms >= 0)
        item->next_ms = now_ms () + wait_ms;
    else if (failure.outcome == OUTCOME_AWAY && answer->trouble == TROUBLE_UNREACHED)
        add->given_up = failure;
    else
        item_fail (item, &failure, session->json);
    return -1;
}

static int file_keep (item_t *item, const answer_t *answer)
{
    yyjson_doc *file = yyjson_read (answer->body, answer->size, 0);
    if (*shelf_id (yyjson_doc_get_root (file)) == 0) {
        yyjson_doc_free (file);
        return -1;
    }
    yyjson_doc_free (item->file);
    item->file = file;
    item_hear (item, yyjson_doc_get_root (file));
    snprintf (item->id, sizeof item->id, "%s", shelf_id (yyjson_doc_get_root (file)));
    return 0;
}

static void answer_is_nonsense (add_t *add, item_t *item)
{
    failure_t failure;
    failure_set (&failure, OUTCOME_REFUSED, "The service's answer makes no sense.");
    item_fail (item, &failure, add->session->json);
}

static void step_start (add_t *add, item_t *item, request_t *request, void (*done) (void *, const answer_t *))
{
    request->silence_s = ANSWER_SILENCE_S;
    request->done = done;
    request->context = item;
    item->is_busy = true;
    if (http_start (add->session->http, request) == 0)
        return;
    failure_t failure;
    failure_set (&failure, OUTCOME_LOCAL, "There is not enough memory to send it.");
    item_fail (item, &failure, add->session->json);
}

/* -- sending --------------------------------------------------------------------------------- */

static void on_sent (void *context, uint64_t bytes, uint64_t total)
{
    item_t *item = context;
    item->sent = bytes;
    item->sent_total = total;
}

static void on_uploaded (void *context, const answer_t *answer)
{
    item_t *item = context;
    add_t *add = item->owner;
    add->sending--;
    item->may_be_there = answer->trouble == TROUBLE_BROKEN;
    if (step_failed (add, item, answer) != 0)
        return;
    if (file_keep (item, answer) != 0)
        answer_is_nonsense (add, item);
    else
        enter (add, item, ITEM_ATTACHING);
}

static const char *base_name (const char *path)
{
    const char *slash = strrchr (path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void upload (add_t *add, item_t *item)
{
    request_t request = {.method = "POST", .path = "/v1/files", .file = item->path->path,
                         .file_name = base_name (item->path->path),
                         .password = *add->password != 0 ? add->password : NULL, .sent = on_sent};
    add->sending++;
    item->sent = 0;
    step_start (add, item, &request, on_uploaded);
    if (item_has_ended (item))
        add->sending--;
}

/* Another item of this run with the same bytes, which the service has. */
static const item_t *twin_of (const add_t *add, const item_t *item)
{
    for (size_t i = 0; i < add->begun; i++)
        if (add->items + i != item && *add->items [i].id != 0 && add->items [i].state != ITEM_FAILED
            && strcmp (add->items [i].digest, item->digest) == 0)
            return add->items + i;
    return NULL;
}

/* Is a twin of it on its way? Then it waits for how that ends. */
static bool has_sending_twin (const add_t *add, const item_t *item)
{
    for (size_t i = 0; i < add->active_count; i++)
        if (add->active [i] != item && add->active [i]->is_busy && add->active [i]->state == ITEM_SENDING
            && strcmp (add->active [i]->digest, item->digest) == 0)
            return true;
    return false;
}

/* The id of a file with its bytes that the service has already, or NULL. */
static const char *id_there (const add_t *add, const item_t *item)
{
    const item_t *twin = twin_of (add, item);
    yyjson_val *file = shelf_find_digest (&add->shelf, item->digest);
    if (twin != NULL)
        return twin->id;
    return file != NULL && strcmp (shelf_text (file, "state"), "failed") != 0 ? shelf_id (file) : NULL;
}

/* Its connection broke, and nobody knows whether the service has it: that is looked up. */
static int shelf_renew (add_t *add)
{
    shelf_t renewed;
    failure_t failure;
    terminal_block ("");
    if (shelf_load (add->session, &renewed, &failure) != 0) {
        shelf_free (&renewed);
        add->given_up = failure;
        return -1;
    }
    shelf_free (&add->shelf);
    add->shelf = renewed;
    return 0;
}

static int item_digest (add_t *add, item_t *item)
{
    failure_t failure;
    if (*item->digest != 0 || file_digest (item->path->path, item->digest) == 0)
        return 0;
    if (errno == EINTR)
        return -1;
    failure_set (&failure, OUTCOME_SOME_FAILED, "%s", strerror (errno));
    item_fail (item, &failure, add->session->json);
    return -1;
}

static void send_item (add_t *add, item_t *item)
{
    bool again = is_flag (add, OPTION_AGAIN);
    if (!again && item_digest (add, item) != 0)
        return;
    if (item->may_be_there && !again && shelf_renew (add) != 0)
        return;
    const char *id = again ? NULL : id_there (add, item);
    if (id == NULL && !again && has_sending_twin (add, item))
        item->next_ms = now_ms () + DRAW_MS;
    else if (id == NULL)
        upload (add, item);
    else {
        snprintf (item->id, sizeof item->id, "%s", id);
        item->was_there = !item->may_be_there;
        enter (add, item, ITEM_ATTACHING);
    }
}

/* -- putting it into the store --------------------------------------------------------------- */

static void on_attached (void *context, const answer_t *answer)
{
    item_t *item = context;
    add_t *add = item->owner;
    if (step_failed (add, item, answer) == 0)
        enter (add, item, !is_flag (add, OPTION_NO_WAIT) ? ITEM_READING
                          : item->was_there ? ITEM_THERE : ITEM_ADDED);
}

static void attach (add_t *add, item_t *item)
{
    char path [MAX_ID + 64], body [MAX_ID + 64], *store = http_encode (add->store);
    snprintf (path, sizeof path, "/v1/vector_stores/%s/files", store != NULL ? store : "");
    snprintf (body, sizeof body, "{\"file_id\":\"%s\"}", item->id);   /* ids are letters, digits, - and _ */
    free (store);
    request_t request = {.method = "POST", .path = path, .json = body};
    step_start (add, item, &request, on_attached);
}

/* -- looking whether it has been read -------------------------------------------------------- */

static void fail_unread (add_t *add, item_t *item, yyjson_val *file)
{
    failure_t failure;
    const char *why = shelf_text (file, "status_details"), *code = shelf_text (file, "error_code");
    failure_set (&failure, OUTCOME_SOME_FAILED, "%s", *why != 0 ? why : "It could not be read.");
    if (*code != 0)
        snprintf (failure.code, sizeof failure.code, "%s", code);
    item_fail (item, &failure, add->session->json);
}

static void on_looked (void *context, const answer_t *answer)
{
    item_t *item = context;
    add_t *add = item->owner;
    int64_t share = (int64_t) (LOOK_SHARE_MS * add->active_count);
    add->looks--;
    if (step_failed (add, item, answer) != 0)
        return;
    if (file_keep (item, answer) != 0) {
        answer_is_nonsense (add, item);
        return;
    }
    yyjson_val *file = yyjson_doc_get_root (item->file);
    item->next_ms = now_ms () + (share > LOOK_MS ? share : LOOK_MS);
    if (strcmp (item->stage, "completed") == 0)
        enter (add, item, item->was_there ? ITEM_THERE : ITEM_ADDED);
    else if (strcmp (item->stage, "failed") == 0)
        fail_unread (add, item, file);
}

static void look (add_t *add, item_t *item)
{
    char path [MAX_ID + 64];
    snprintf (path, sizeof path, "/v1/files/%s", item->id);
    request_t request = {.method = "GET", .path = path};
    add->looks++;
    step_start (add, item, &request, on_looked);
    if (item_has_ended (item))
        add->looks--;
}

/* An event: the file is further. Its end is looked at, for all that is to be told of it. */
static void on_news (void *context, yyjson_val *event)
{
    add_t *add = context;
    const char *id = shelf_text (event, "file_id"), *state = shelf_text (event, "state");
    bool is_end = strcmp (state, "completed") == 0 || strcmp (state, "failed") == 0 || strcmp (state, "deleted") == 0;
    for (size_t i = 0; i < add->active_count; i++) {
        item_t *item = add->active [i];
        if (item->state != ITEM_READING || strcmp (item->id, id) != 0)
            continue;
        if (is_end)
            item->next_ms = 0;
        else
            item_hear (item, event);
    }
}

static void on_reopened (void *context)
{
    add_t *add = context;
    for (size_t i = 0; i < add->active_count; i++)
        if (add->active [i]->state == ITEM_READING)
            add->active [i]->next_ms = 0;
}

/* -- all items ------------------------------------------------------------------------------- */

/* Begins what is due for the item, if there is room for it. */
static void item_turn (add_t *add, item_t *item)
{
    if (item->state == ITEM_SENDING && add->sending < (size_t) add->session->arguments->numbers [OPTION_PARALLEL])
        send_item (add, item);
    if (item->state == ITEM_ATTACHING && !item->is_busy)
        attach (add, item);
    if (item->state == ITEM_READING && add->looks < MAX_LOOKS)
        look (add, item);
}

static void begin_more (add_t *add)
{
    size_t room = (size_t) add->session->arguments->numbers [OPTION_PARALLEL], unsent = 0;
    for (size_t i = 0; i < add->active_count; i++)
        unsent += add->active [i]->state < ITEM_READING;
    for (; unsent < room && add->begun < add->paths.count; add->begun++) {
        item_t *item = add->items + add->begun;
        if (item->path->failure != NULL) {
            item_fail (item, item->path->failure, add->session->json);
            add->ended++;
            continue;
        }
        enter (add, item, ITEM_SENDING);
        add->active [add->active_count++] = item;
        unsent++;
    }
}

/* Does what is due now. Returns when the next thing is. */
static int64_t items_turn (add_t *add)
{
    size_t kept = 0;
    int64_t now = now_ms (), next = now + LONGEST_TURN_MS;
    for (size_t i = 0; i < add->active_count && add->given_up.outcome == OUTCOME_OK && !interrupt_came (); i++)
        if (!add->active [i]->is_busy && add->active [i]->next_ms <= now)
            item_turn (add, add->active [i]);
    for (size_t i = 0; i < add->active_count; i++) {
        item_t *item = add->active [i];
        if (item_has_ended (item)) {
            add->ended++;
            continue;
        }
        if (!item->is_busy && item->next_ms > now && item->next_ms < next)
            next = item->next_ms;
        add->active [kept++] = item;
    }
    add->active_count = kept;
    return next;
}

static bool is_anything_read (const add_t *add)
{
    for (size_t i = 0; i < add->active_count; i++)
        if (add->active [i]->state == ITEM_READING)
            return true;
    return false;
}

static size_t count_of (const add_t *add, item_state_t state)
{
    size_t count = 0;
    for (size_t i = 0; i < add->paths.count; i++)
        count += add->items [i].state == state;
    return count;
}

/* -- bars ------------------------------------------------------------------------------------ */

static void draw_total (FILE *out, const add_t *add, size_t shown)
{
    char files [MAX_AMOUNT];
    fprintf (out, "%zu of %s", add->ended, amount_count (add->paths.count, "file", files));
    size_t failed = count_of (add, ITEM_FAILED);
    if (failed > 0)
        fprintf (out, ", %zu failed", failed);
    if (add->active_count > shown)
        fprintf (out, ", %zu more under way", add->active_count - shown);
    fputc ('\n', out);
}

/* Those being sent and read first, then as many of the others as there is room for. */
static size_t draw_items (FILE *out, const add_t *add, size_t width)
{
    size_t room = terminal_height () > 4 ? terminal_height () - 3 : 1, shown = 0;
    room = room < MOST_BARS ? room : MOST_BARS;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < add->active_count && shown < room; i++) {
            const item_t *item = add->active [i];
            bool is_queued = item->state == ITEM_READING && item->pages_done == 0 && item->vectors == 0;
            if (is_queued == (pass == 1)) {
                item_draw (out, item, width);
                shown++;
            }
        }
    return shown;
}

static void draw (add_t *add)
{
    char *lines = NULL;
    size_t size = 0, width = terminal_width () - 1;
    if (!terminal_draws () || now_ms () - add->drawn_ms < DRAW_MS)
        return;
    FILE *out = open_memstream (&lines, &size);
    if (out == NULL)
        return;
    size_t shown = draw_items (out, add, width);
    if (add->paths.count > 1)
        draw_total (out, add, shown);
    if (fclose (out) == 0)
        terminal_block (lines);
    free (lines);
    add->drawn_ms = now_ms ();
}

/* -- from the beginning to the end ----------------------------------------------------------- */

static int password_read (add_t *add, failure_t *failure)
{
    const char *path = add->session->arguments->texts [OPTION_PASSWORD_FILE];
    if (path == NULL)
        return 0;
    FILE *file = fopen (path, "re");
    size_t size = file == NULL ? 0 : fread (add->password, 1, MAX_PASSWORD + 1, file);
    bool is_read = file != NULL && ferror (file) == 0;
    int why = errno;
    if (file != NULL)
        fclose (file);
    if (!is_read)
        return failure_set (failure, OUTCOME_USAGE, "The password's file %s can't be read: %s.", path, strerror (why));
    add->password [size] = 0;
    add->password [strcspn (add->password, "\r\n")] = 0;
    return size <= MAX_PASSWORD ? 0 : failure_set (failure, OUTCOME_USAGE, "The password in %s is longer than %d bytes.",
                                                   path, MAX_PASSWORD);
}

static int items_make (add_t *add, failure_t *failure)
{
    add->items = calloc (add->paths.count + 1, sizeof *add->items);
    add->active = calloc (add->paths.count + 1, sizeof *add->active);
    for (size_t i = 0; add->items != NULL && i < add->paths.count; i++) {
        const path_t *path = add->paths.items + i;
        add->items [i] = (item_t) {.path = path, .owner = add,
                                   .name = plain_copy (path->path, strlen (path->path), PLAIN_LINE)};
        if (add->items [i].name == NULL)
            return failure_set (failure, OUTCOME_LOCAL, "There is not enough memory.");
    }
    return add->items != NULL && add->active != NULL ? 0
           : failure_set (failure, OUTCOME_LOCAL, "There is not enough memory.");
}

/* All that can be wrong with the whole is found before anything is sent. */
static int prepare (add_t *add, failure_t *failure)
{
    const arguments_t *arguments = add->session->arguments;
    if (password_read (add, failure) != 0)
        return -1;
    if (paths_find (arguments->operands, arguments->operand_count, &add->paths, failure) != 0)
        return -1;
    if (items_make (add, failure) != 0)
        return -1;
    if (shelf_load (add->session, &add->shelf, failure) != 0)
        return -1;
    return shelf_store (add->session, true, add->store, failure);
}

static void run (add_t *add)
{
    while (add->ended < add->paths.count && add->given_up.outcome == OUTCOME_OK && !interrupt_came ()
           && !output_is_broken ()) {
        begin_more (add);
        int64_t next = items_turn (add), now = now_ms ();
        if (is_anything_read (add))
            follow_turn (&add->follow, now);
        draw (add);
        if (add->ended == add->paths.count)
            break;
        int64_t wait = next > now ? next - now : 0;
        if (!add->follow.is_open && is_anything_read (add) && add->follow.next_ms - now < wait)
            wait = add->follow.next_ms > now ? add->follow.next_ms - now : 0;
        http_turn (add->session->http, (int) (terminal_draws () && wait > DRAW_MS ? DRAW_MS : wait));
    }
    terminal_block ("");
}

static void fail_rest (add_t *add)
{
    for (size_t i = 0; i < add->paths.count; i++)
        item_fail (add->items + i, &add->given_up, add->session->json);
}

static void summary_say (const add_t *add)
{
    size_t unsent = count_of (add, ITEM_WAITING) + count_of (add, ITEM_SENDING) + count_of (add, ITEM_ATTACHING);
    char text [512] = "", part [96];
    const struct {
        size_t count;
        const char *what;
    } parts [] = {{count_of (add, ITEM_ADDED), "added"}, {count_of (add, ITEM_THERE), "there already"},
                  {count_of (add, ITEM_FAILED), "failed"},
                  {count_of (add, ITEM_READING), "still being read by the service"}, {unsent, "not sent"}};
    for (size_t i = 0; i < COUNT_OF (parts); i++) {
        snprintf (part, sizeof part, "%s%zu %s", *text != 0 ? ", " : "", parts [i].count, parts [i].what);
        if (parts [i].count > 0)
            strcat (text, part);
    }
    if (add->paths.count > 1 || interrupt_came ())
        output_say ("%s%s.", interrupt_came () ? "Interrupted: " : "", text);
}

static outcome_t end (add_t *add)
{
    http_cancel_all (add->session->http);
    if (interrupt_came ()) {
        summary_say (add);
        return OUTCOME_INTERRUPTED;
    }
    if (add->given_up.outcome != OUTCOME_OK)
        fail_rest (add);
    summary_say (add);
    if (add->given_up.outcome != OUTCOME_OK)
        return add->given_up.outcome;
    return count_of (add, ITEM_FAILED) > 0 ? OUTCOME_SOME_FAILED : OUTCOME_OK;
}

outcome_t command_add (session_t *session)
{
    failure_t failure;
    add_t add = {.session = session, .follow = {.session = session, .news = on_news, .reopened = on_reopened}};
    add.follow.context = &add;
    outcome_t outcome;
    if (prepare (&add, &failure) != 0)
        outcome = output_failure (&failure, session->json);
    else {
        run (&add);
        outcome = end (&add);
    }
    follow_close (&add.follow);
    for (size_t i = 0; add.items != NULL && i < add.paths.count; i++)
        item_free (add.items + i);
    free (add.items);
    free (add.active);
    paths_free (&add.paths);
    shelf_free (&add.shelf);
    return outcome;
}
