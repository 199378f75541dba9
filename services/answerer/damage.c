/* Damage: one look at the whole database, on a thread and a connection of its own. */
#include "damage.h"

#include <stdatomic.h>
#include <sys/resource.h>

#include "error.h"
#include "log.h"
#include "metrics.h"
#include "store.h"

#define MAX_TOLD 10   /* findings that the log has */
#define NICENESS 15   /* of the thread: nobody waits for it */

static struct {
    pool_t *pool;
    store_t *store;
    atomic_bool over;
    size_t findings;
} damage;

bool damage_is_known (void)
{
    return metric_get (METRIC_STORE_DAMAGED) != 0;
}

static void on_finding (void *context UNUSED, const char *what, const char *text)
{
    if (damage.findings++ < MAX_TOLD)
        log_error ("store_finding", "what=\"%s\" text=\"%s\"", what, text);
}

static void say_damaged (void)
{
    metric_set (METRIC_STORE_DAMAGED, 1);
    log_error ("store_damaged", "findings=%zu text=\"%s\"", damage.findings, error_default (ERROR_STORE_DAMAGED));
}

static void do_look (void *argument UNUSED)
{
    setpriority (PRIO_PROCESS, 0, NICENESS);   /* of this thread alone */
    uint64_t begun = loop_now_ms ();
    int result = store_check_pages (damage.store, on_finding, NULL);
    if (atomic_load (&damage.over))
        return;
    if (damage.findings > 0 || (result != 0 && error_get () == ERROR_STORE_DAMAGED))
        say_damaged ();
    else if (result != 0)
        log_warning ("store_not_checked", "error=%s text=\"%s\"", error_name (error_get ()), error_text ());
    else
        log_info ("store_checked", "ms=%llu", (unsigned long long) (loop_now_ms () - begun));
}

static void look_done (void *argument UNUSED)
{
    store_close (&damage.store);
}

int damage_start (loop_t *loop, const char *store_path)
{
    atomic_store (&damage.over, false);
    damage.findings = 0;
    damage.store = store_open (store_path, false);
    if (damage.store == NULL)
        return -1;
    store_give_up_when (damage.store, &damage.over);
    damage.pool = pool_new (loop, 1);
    return damage.pool == NULL ? -1 : pool_submit (damage.pool, false, do_look, look_done, NULL);
}

void damage_stop (void)
{
    atomic_store (&damage.over, true);
    pool_destroy (&damage.pool);
    store_close (&damage.store);
}
