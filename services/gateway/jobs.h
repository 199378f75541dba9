/* Jobs: every file that has pages to be read, its tasks, and the extractors that do them.
 *
 * The store is the truth. A job lives here only while its file has tasks; whenever the board or the
 * answerer comes back new, all unfinished files are asked for and what is missing is given out. */
#ifndef QUIRE_GATEWAY_JOBS_H
#define QUIRE_GATEWAY_JOBS_H

#include "channel.h"
#include "error.h"

extern channel_t *extract_link;   /* set by service_run */
extern const channel_handlers_t jobs_handlers;

MUST_CHECK int jobs_start (loop_t *loop);
void jobs_stop (void);
void jobs_tick (void);

/* A file that the answerer has just taken in. It is put on the board; done is told whether that
 * worked (0 or -1), and if so its reading has begun. */
typedef void (jobs_done_t) (void *context, int outcome);
void jobs_admit (const char *file_id, const char *sha256, const char *password, const char *name,
                 jobs_done_t *done, void *context);

void jobs_forget (const char *file_id);   /* the file is deleted */
void jobs_recover (void);                 /* asks for all unfinished files */

#endif
