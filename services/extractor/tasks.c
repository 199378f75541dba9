/* Tasks: see tasks.h.
 *
 * A range's pages are read one after another by one reader, and each goes to the answerer as soon as
 * that takes it; the next page is read while the last ones are being committed. The task is answered
 * when the answerer has committed every page. A page whose reader dies is read once more by a new
 * one; when that dies too, the page is sent as failed and the next one goes on. */
#include "tasks.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "log.h"
#include "metrics.h"
#include "page.h"
#include "settings.h"
#include "page_check.h"
#include "readers.h"

#define MAX_RANGE_PAGES 4096u
#define MAX_DRAWERS     2
#define RESEND_MS       30000   /* a page not committed by then is sent again: an answer may be lost
                                 * with a connection, and a page that comes twice is no harm */
#define MAX_WIDTH       4000u
#define MAX_TITLE_BYTES 4096
#define MAX_DEATHS      2       /* of readers over one thing asked: the first may be no fault of it */

typedef enum { TASK_INSPECT, TASK_EXTRACT, TASK_DRAW } task_kind_t;

/* A page of a range. Steps go forward, but for PAGE_SENT back to PAGE_READ, to be sent again. */
typedef enum {
    PAGE_WAITING,     /* to be read */
    PAGE_READ,        /* to be sent: its message is kept */
    PAGE_SENT,        /* to be committed: its message is kept, in case the answerer is lost */
    PAGE_COMMITTED,
} page_state_t;

typedef struct {
    page_state_t state;
    uint8_t *data;       /* an encoded `page` message */
    size_t size;
    uint64_t sent_ms;
} page_slot_t;

typedef struct task task_t;
struct task {
    task_t *next;
    task_kind_t kind;
    uint64_t number;
    peer_t *gateway;         /* NULL: nobody wants an answer any more */
    char *file_id, *sha256, *password;
    uint32_t first, last;    /* extract: the range; draw: the page, twice */
    uint32_t current;        /* extract: the page to be read next, last + 1 after the last */
    page_slot_t *pages;      /* extract: [last - first + 1] */
    uint32_t width;          /* draw */
    uint8_t *highlights;
    size_t highlights_size;
    reader_t *reader;
    bool asked;              /* the reader has not answered yet */
    bool ocr_begun;          /* on the current page */
    unsigned deaths;         /* of readers over what is asked now */
    bool ended;              /* nothing more is to be read or sent */
    uint8_t *answer;         /* encoded; waits until the gateway takes it */
    size_t answer_size;
};

static struct {
    channel_t *extract, *pages;
    task_t *first, **last;
} tasks = {.last = &tasks.first};

/* -- lifetime ------------------------------------------------------------------------------------- */

static void release_reader (task_t *task)
{
    if (!task->reader)
        return;
    if (task->asked)
        readers_drop (task->reader);
    else
        readers_give_back (task->reader);
    task->reader = NULL;
    task->asked = false;
}

static size_t page_count (const task_t *task)
{
    return task->pages ? task->last - task->first + 1 : 0;
}

static void task_destroy (task_t *task)
{
    release_reader (task);
    for (size_t i = 0; i < page_count (task); i++)
        free (task->pages [i].data);
    free (task->pages);
    free (task->highlights);
    free (task->answer);
    free (task->file_id);
    free (task->sha256);
    free (task->password);
    free (task);
}

/* Ends a task: what is unread stays so. Pages on their way to the answerer are waited for, as they
 * count against its credit. */
static void task_end (task_t *task)
{
    task->ended = true;
    release_reader (task);
}

static void task_answer (task_t *task, const message_t *message)
{
    task_end (task);
    if (!task->gateway || channel_send (tasks.extract, task->gateway, message) == 0)
        return;
    task->answer = message_encode (message, &task->answer_size);
    if (!task->answer)
        log_error ("answer_lost", "task=%llu why=\"%s\"", (unsigned long long) task->number, error_text ());
}

static void task_fail (task_t *task, error_t code, const char *text)
{
    log_info ("task_failed", "task=%llu file=%s why=%s", (unsigned long long) task->number,
              task->file_id ? task->file_id : "", error_name (code));
    task_answer (task, &(message_t) {.id = MESSAGE_TASK_FAILED, .task_failed = {task->number, code, text}});
}

static void task_extracted (task_t *task)
{
    task_answer (task, &(message_t) {.id = MESSAGE_PAGES_EXTRACTED, .pages_extracted = {
        task->number, task->file_id, task->first, task->last}});
}

/* Takes a task in. The strings are copied; without memory the gateway is told, and NULL returned. */
static task_t *task_new (task_kind_t kind, peer_t *gateway, uint64_t number, const char *file_id,
                         const char *sha256, const char *password)
{
    task_t *task = calloc (1, sizeof *task);
    if (task) {
        *task = (task_t) {
            .kind = kind, .number = number, .gateway = gateway, .file_id = strdup (file_id),
            .sha256 = strdup (sha256), .password = strdup (password),
        };
        if (task->file_id && task->sha256 && task->password) {
            *tasks.last = task;
            tasks.last = &task->next;
            return task;
        }
        task_destroy (task);
    }
    message_t failed = {.id = MESSAGE_TASK_FAILED,
                        .task_failed = {number, ERROR_NO_MEMORY, error_default (ERROR_NO_MEMORY)}};
    if (channel_send (tasks.extract, gateway, &failed) != 0)
        log_error ("answer_lost", "task=%llu", (unsigned long long) number);
    return NULL;
}

/* -- pages on their way ----------------------------------------------------------------------------- */

static size_t count_pages (const task_t *task, page_state_t state)
{
    size_t count = 0;
    for (size_t i = 0; i < page_count (task); i++)
        count += task->pages [i].state == state;
    return count;
}

static void set_committed (page_slot_t *slot)
{
    slot->state = PAGE_COMMITTED;
    free (slot->data);
    slot->data = NULL;
}

/* Sends a page that was read. Returns 0, or -1 when the answerer can't take it now. */
static int send_page (const task_t *task, page_slot_t *slot, peer_t *answerer)
{
    message_t message;
    if (message_decode (&message, slot->data, slot->size) != 0)
        return -1;
    message.page.file_id = task->file_id;   /* a child's word counts for the page alone */
    if (channel_send (tasks.pages, answerer, &message) != 0)
        return -1;
    slot->state = PAGE_SENT;
    slot->sent_ms = loop_now_ms ();
    return 0;
}

static void send_pages (void)
{
    peer_t *answerer = channel_first_peer (tasks.pages);
    if (!answerer)
        return;
    size_t uncommitted = 0;
    for (const task_t *task = tasks.first; task; task = task->next)
        uncommitted += count_pages (task, PAGE_SENT);
    for (task_t *task = tasks.first; task; task = task->next) {
        for (size_t i = 0; !task->ended && i < page_count (task); i++) {
            if (task->pages [i].state != PAGE_READ)
                continue;
            if (uncommitted >= answerer->credit || send_page (task, &task->pages [i], answerer) != 0)
                return;
            uncommitted++;
        }
    }
}

void tasks_committed (const page_committed_message_t *message)
{
    for (task_t *task = tasks.first; task; task = task->next) {
        if (task->kind != TASK_EXTRACT || strcmp (task->file_id, message->file_id) != 0)
            continue;
        if (message->page >= task->first && message->page <= task->last) {
            page_slot_t *slot = &task->pages [message->page - task->first];
            if (slot->state == PAGE_SENT || slot->state == PAGE_READ)
                set_committed (slot);
        }
        if (message->outcome == 2 && !task->ended)   /* the file was deleted: the rest is for nobody */
            task_extracted (task);
    }
    tasks_work ();
}

/* Takes back what was sent before a time, to send it again. */
static void take_back (uint64_t before_ms)
{
    for (task_t *task = tasks.first; task; task = task->next) {
        for (size_t i = 0; i < page_count (task); i++) {
            if (task->pages [i].state == PAGE_SENT && task->pages [i].sent_ms < before_ms)
                task->pages [i].state = PAGE_READ;
        }
    }
}

void tasks_lose_answerer (void)
{
    take_back (UINT64_MAX);
}

void tasks_tick (void)
{
    uint64_t now = loop_now_ms ();
    take_back (now > RESEND_MS ? now - RESEND_MS : 0);
    tasks_work ();
}

/* -- what readers say ------------------------------------------------------------------------------ */

/* Keeps the current page's message and goes on to the next page. */
static void page_done (task_t *task, uint8_t *data, size_t size)
{
    task->pages [task->current - task->first] = (page_slot_t) {PAGE_READ, data, size, 0};
    task->current++;
    task->ocr_begun = false;
    task->deaths = 0;
}

static void page_failed (task_t *task, error_t why)
{
    message_t message = {.id = MESSAGE_PAGE, .page = {
        .file_id = task->file_id, .page = task->current, .reason = error_default (why),
        .status = why == ERROR_PAGE_TIMED_OUT ? PAGE_TIMED_OUT : PAGE_FAILED}};
    size_t size;
    uint8_t *data = message_encode (&message, &size);
    log_warning ("page_failed", "file=%s page=%u why=%s", task->file_id, task->current, error_name (why));
    metric_add (METRIC_PAGES_FAILED, 1);
    if (data)
        page_done (task, data, size);
    else
        task_fail (task, ERROR_NO_MEMORY, error_default (ERROR_NO_MEMORY));
}

static void count_page (page_status_t status)
{
    metric_add (status == PAGE_FAILED ? METRIC_PAGES_FAILED : METRIC_PAGES_READ, 1);
    if (status == PAGE_OCR)
        metric_add (METRIC_PAGES_OCR, 1);
}

/* The reader is gone before it did what it was asked. A page that took too long is not tried again,
 * and what hinders any reader is for the gateway to know; else somebody may have killed it. */
static void reader_lost (task_t *task, error_t why)
{
    bool final = why == ERROR_PAGE_TIMED_OUT || why == ERROR_INTERNAL;
    task->reader = NULL;
    task->asked = task->ocr_begun = false;
    if (!final && ++task->deaths < MAX_DEATHS)
        log_warning ("read_again", "file=%s page=%u why=%s", task->file_id, task->current, error_name (why));
    else if (task->kind == TASK_EXTRACT && why != ERROR_INTERNAL)
        page_failed (task, why);
    else
        task_fail (task, why, error_default (why));
}

/* A reader that has shown that it can't go on, or is not to be believed in anything. */
static void reject_reader (task_t *task, error_t why)
{
    readers_drop (task->reader);
    reader_lost (task, why);
}

static void on_page (task_t *task, const page_message_t *page, uint8_t **data, size_t size)
{
    if (page_check (page, task->current) != 0) {
        reject_reader (task, ERROR_READER_BAD_REPLY);
        return;
    }
    count_page (page->status);
    page_done (task, *data, size);
    *data = NULL;
}

static void on_inspected (task_t *task, const file_inspected_message_t *inspected)
{
    message_t message = {.id = MESSAGE_FILE_INSPECTED, .file_inspected = *inspected};
    if (inspected->pages < 1 || strlen (inspected->title) > MAX_TITLE_BYTES) {
        reject_reader (task, ERROR_READER_BAD_REPLY);
        return;
    }
    message.file_inspected.task = task->number;
    message.file_inspected.file_id = task->file_id;
    task_answer (task, &message);
}

static void on_drawn (task_t *task, const page_drawn_message_t *drawn)
{
    message_t message = {.id = MESSAGE_PAGE_DRAWN, .page_drawn = {task->number, drawn->png}};
    metric_add (METRIC_PAGES_DRAWN, 1);
    task_answer (task, &message);
}

/* A reader could not open the file, or could not do what was asked. Only the first fails a range. */
static void on_failed (task_t *task, const task_failed_message_t *failed)
{
    error_t code = error_from_number (failed->error);
    bool file = code == ERROR_FILE_EMPTY || code == ERROR_FILE_NOT_PDF || code == ERROR_FILE_DAMAGED
        || code == ERROR_FILE_ENCRYPTED || code == ERROR_FILE_WRONG_PASSWORD || code == ERROR_FILE_NO_PAGES;
    if (task->kind != TASK_EXTRACT || file)
        task_fail (task, code, failed->message);
    else
        reject_reader (task, code == ERROR_NO_MEMORY ? ERROR_PAGE_TOO_BIG : ERROR_PAGE_DAMAGED);
}

static void on_ocr_begun (task_t *task)
{
    child_allow (reader_child (task->reader), settings_number (SETTING_EXTRACTOR_OCR_MS));
    task->ocr_begun = true;
}

static void on_reply (void *user, const message_t *message, uint8_t **data, size_t size)
{
    task_t *task = user;
    static const message_id_t wanted [] = {
        [TASK_INSPECT] = MESSAGE_FILE_INSPECTED, [TASK_EXTRACT] = MESSAGE_PAGE, [TASK_DRAW] = MESSAGE_PAGE_DRAWN,
    };
    if (task->asked && task->kind == TASK_EXTRACT && message->id == MESSAGE_OCR_BEGUN && !task->ocr_begun) {
        on_ocr_begun (task);   /* once a page, or it would go on for ever */
        return;
    }
    bool expected = task->asked && (message->id == wanted [task->kind] || message->id == MESSAGE_TASK_FAILED);
    if (!expected) {
        child_kill (reader_child (task->reader), ERROR_READER_BAD_REPLY);
        return;
    }
    task->asked = false;
    child_allow (reader_child (task->reader), 0);
    if (message->id == MESSAGE_TASK_FAILED)
        on_failed (task, &message->task_failed);
    else if (message->id == MESSAGE_PAGE)
        on_page (task, &message->page, data, size);
    else if (message->id == MESSAGE_FILE_INSPECTED)
        on_inspected (task, &message->file_inspected);
    else
        on_drawn (task, &message->page_drawn);
    tasks_work ();
}

static void on_ended (void *user, error_t why)
{
    task_t *task = user;
    if (task->asked)
        reader_lost (task, why);
    else
        task->reader = NULL;
    tasks_work ();
}

/* -- working --------------------------------------------------------------------------------------- */

static message_t request_of (const task_t *task)
{
    switch (task->kind) {
    case TASK_INSPECT:
        return (message_t) {.id = MESSAGE_INSPECT_FILE, .inspect_file = {
            task->number, task->file_id, task->sha256, task->password}};
    case TASK_EXTRACT:
        return (message_t) {.id = MESSAGE_EXTRACT_PAGES, .extract_pages = {
            task->number, task->file_id, task->sha256, task->password, task->current, task->current}};
    default:
        return (message_t) {.id = MESSAGE_DRAW_PAGE, .draw_page = {
            task->number, task->sha256, task->password, task->first, task->width,
            {task->highlights, task->highlights_size}}};
    }
}

/* Is there something to read or draw, and room for it? */
static bool wants_reader (const task_t *task)
{
    if (task->ended || task->asked)
        return false;
    return task->kind != TASK_EXTRACT
        || (task->current <= task->last && count_pages (task, PAGE_READ) == 0);
}

static void ask (task_t *task)
{
    readers_kind_t kind = task->kind == TASK_DRAW ? READERS_DRAW : READERS_READ;
    if (!task->reader && !readers_have_one (kind))
        return;
    if (!task->reader)
        task->reader = readers_take (kind, task->sha256, task->password, task);
    message_t request = request_of (task);
    if (task->reader)
        task->asked = child_ask (reader_child (task->reader), &request,
                                 settings_number (SETTING_EXTRACTOR_PAGE_MS)) == 0;
    if (!task->asked)
        task_fail (task, error_get (), error_text ());
}

static void ask_all (bool extracts)
{
    for (task_t *task = tasks.first; task; task = task->next) {
        if ((task->kind == TASK_EXTRACT) != extracts)
            continue;
        if (wants_reader (task))
            ask (task);
        else if (task->kind == TASK_EXTRACT && task->current > task->last)
            release_reader (task);
    }
}

static void send_answer (task_t *task)
{
    message_t message;
    if (!task->answer)
        return;
    if (task->gateway
        && (message_decode (&message, task->answer, task->answer_size) != 0
            || channel_send (tasks.extract, task->gateway, &message) != 0))
        return;
    free (task->answer);
    task->answer = NULL;
}

static bool is_finished (const task_t *task)
{
    return task->ended && !task->answer && count_pages (task, PAGE_SENT) == 0;
}

/* Answers ranges of which nothing is left to do, and forgets what is finished. */
static void finish_all (void)
{
    for (task_t **link = &tasks.first; *link;) {
        task_t *task = *link;
        if (task->kind == TASK_EXTRACT && !task->ended && count_pages (task, PAGE_COMMITTED) == page_count (task))
            task_extracted (task);
        send_answer (task);
        if (!is_finished (task)) {
            link = &task->next;
            continue;
        }
        *link = task->next;
        if (tasks.last == &task->next)
            tasks.last = link;
        task_destroy (task);
    }
}

void tasks_work (void)
{
    send_pages ();
    finish_all ();      /* first, so that readers come free */
    ask_all (false);    /* whole files and pictures before ranges: somebody waits for them */
    ask_all (true);
    finish_all ();
}

/* -- from the gateway ------------------------------------------------------------------------------ */

void tasks_inspect (peer_t *gateway, const inspect_file_message_t *message)
{
    task_new (TASK_INSPECT, gateway, message->task, message->file_id, message->sha256, message->password);
    tasks_work ();
}

void tasks_extract (peer_t *gateway, const extract_pages_message_t *message)
{
    task_t *task = task_new (TASK_EXTRACT, gateway, message->task, message->file_id, message->sha256,
                             message->password);
    if (!task)
        return;
    task->first = task->current = message->first;
    task->last = message->last;
    bool sound = message->first >= 1 && message->last >= message->first
        && message->last - message->first < MAX_RANGE_PAGES;
    task->pages = sound ? calloc (message->last - message->first + 1, sizeof *task->pages) : NULL;
    if (!sound)
        task_fail (task, ERROR_BAD_MESSAGE, "A range of pages that can't be.");
    else if (!task->pages)
        task_fail (task, ERROR_NO_MEMORY, error_default (ERROR_NO_MEMORY));
    tasks_work ();
}

void tasks_draw (peer_t *gateway, const draw_page_message_t *message)
{
    task_t *task = task_new (TASK_DRAW, gateway, message->task, "", message->sha256, message->password);
    if (!task)
        return;
    task->first = task->last = message->page;
    task->width = message->width;
    task->highlights_size = message->highlights.size;
    task->highlights = malloc (message->highlights.size + 1);
    if (message->width < 1 || message->width > MAX_WIDTH)
        task_fail (task, ERROR_BAD_MESSAGE, "A width that can't be.");
    else if (!task->highlights)
        task_fail (task, ERROR_NO_MEMORY, error_default (ERROR_NO_MEMORY));
    else
        memcpy (task->highlights, message->highlights.data, message->highlights.size);
    tasks_work ();
}

void tasks_forget (const char *file_id)
{
    for (task_t *task = tasks.first; task; task = task->next) {
        if (strcmp (task->file_id, file_id) != 0)
            continue;
        task->gateway = NULL;
        task_end (task);
    }
    tasks_work ();
}

void tasks_lose_gateway (const peer_t *gateway)
{
    for (task_t *task = tasks.first; task; task = task->next) {
        if (task->gateway != gateway)
            continue;
        task->gateway = NULL;
        task_end (task);
    }
    tasks_work ();
}

/* -- the service's side ----------------------------------------------------------------------------- */

int tasks_open (loop_t *loop, size_t most_readers)
{
    static const readers_handlers_t handlers = {on_reply, on_ended};
    const size_t most [READERS_KINDS] = {[READERS_READ] = most_readers, [READERS_DRAW] = MAX_DRAWERS};
    return readers_open (loop, most, &handlers);
}

void tasks_link (channel_t *extract, channel_t *pages)
{
    tasks.extract = extract;
    tasks.pages = pages;
}

void tasks_close (void)
{
    while (tasks.first) {
        task_t *task = tasks.first;
        tasks.first = task->next;
        task_destroy (task);
    }
    tasks.last = &tasks.first;
    readers_close ();
}
