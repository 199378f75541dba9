/* Sandbox: from sandbox_enter on, this process computes, reads the file that it was given and talks
 * over the socket that it was given; the kernel ends it when it tries anything else. */
#ifndef QUIRE_SANDBOX_H
#define QUIRE_SANDBOX_H

#include <stddef.h>

#include "macros.h"

typedef struct {
    size_t memory;      /* bytes that it may take beyond what it has now */
    int descriptors;    /* those from this one on are closed, and few more can be opened */
    bool silent;        /* its standard streams lead nowhere, and it can't make any file grow */
} sandbox_t;

/* To be called by the only thread, when everything that is ever needed has been opened. Takes the
 * environment away too. Returns 0, or -1 with INTERNAL: then nothing may be read. A silent one whose
 * kernel refuses the filter of system calls has no log any more, and ends with READER_NOT_FILTERED. */
MUST_CHECK int sandbox_enter (const sandbox_t *sandbox);

#endif
