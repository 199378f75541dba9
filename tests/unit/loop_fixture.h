/* What tests on a loop share: turning it until a condition holds. */
#ifndef QUIRE_LOOP_FIXTURE_H
#define QUIRE_LOOP_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "loop.h"

typedef struct {
    loop_t *loop;
    bool (*enough) (void);
    uint64_t give_up_ms;
} loop_waiting_t;

static inline void loop_wait_look (void *context)
{
    const loop_waiting_t *waiting = context;
    if (waiting->enough () || loop_now_ms () > waiting->give_up_ms)
        loop_stop (waiting->loop);
}

/* Looks every look_ms; fails when it took too long. The loop can be turned again. */
static inline void loop_wait (loop_t *loop, bool (*enough) (void), int look_ms, uint64_t too_long_ms)
{
    loop_waiting_t waiting = {loop, enough, loop_now_ms () + too_long_ms};
    int timer = loop_timer (loop, look_ms, loop_wait_look, &waiting);
    loop_run (loop);
    loop_timer_end (loop, timer);
    loop_restart (loop);
    assert_true (enough ());
}

#endif
