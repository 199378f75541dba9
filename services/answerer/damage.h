/* Damage of the store. The database is looked at as a whole in the background after each start, as damage
 * in its middle would else be found only by who reads there; and whoever meets damage makes it known
 * (METRIC_STORE_DAMAGED). It is said, and nothing is mended or emptied: what is right again comes from a
 * backup. */
#ifndef QUIRE_DAMAGE_H
#define QUIRE_DAMAGE_H

#include "loop.h"

MUST_CHECK int damage_start (loop_t *loop, const char *store_path);
void damage_stop (void);       /* a look that is under way is given up */
bool damage_is_known (void);   /* any thread */

#endif
