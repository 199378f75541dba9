/* Tasks: what gateways have asked this extractor for, from the first reading to the last commit. */
#ifndef QUIRE_TASKS_H
#define QUIRE_TASKS_H

#include "channel.h"

/* Once, at start: up to `most_readers` children read side by side. Returns 0, or -1 with INTERNAL. */
MUST_CHECK int tasks_open (loop_t *loop, size_t most_readers);
void tasks_close (void);

/* After the links are open: tasks come and go on `extract`, pages leave on `pages`. */
void tasks_link (channel_t *extract, channel_t *pages);

/* From the gateway. A task that makes no sense is answered with task_failed. */
void tasks_inspect (peer_t *gateway, const inspect_file_message_t *message);
void tasks_extract (peer_t *gateway, const extract_pages_message_t *message);
void tasks_draw (peer_t *gateway, const draw_page_message_t *message);
void tasks_forget (const char *file_id);
void tasks_lose_gateway (const peer_t *gateway);

/* From the answerer. */
void tasks_committed (const page_committed_message_t *message);
void tasks_lose_answerer (void);    /* sends again, later, what it has not committed */

/* Does what can be done now: reads, sends, answers. */
void tasks_work (void);

/* Every tick: also sends again what has not been committed for long. */
void tasks_tick (void);

#endif
