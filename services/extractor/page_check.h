/* Checks a page that a child sent, before it is handed on. Pure. */
#ifndef QUIRE_PAGE_CHECK_H
#define QUIRE_PAGE_CHECK_H

#include "message.h"

/* Is it the page that was asked for, with a status, places and ranges that can be? Returns 0, or -1
 * with BAD_MESSAGE. */
MUST_CHECK int page_check (const page_message_t *page, uint32_t number);

#endif
