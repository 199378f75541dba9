/* Which kernels this processor can run. */
#include "kernels.h"

extern const kernels_t kernels_plain;

#ifdef __x86_64__
extern const kernels_t kernels_v3, kernels_v4;

const kernels_t *kernels_of (kernels_level_t level)
{
    switch (level) {
    case KERNELS_PLAIN: return &kernels_plain;
    case KERNELS_V3:    return __builtin_cpu_supports ("x86-64-v3") ? &kernels_v3 : NULL;
    case KERNELS_V4:    return __builtin_cpu_supports ("x86-64-v4") ? &kernels_v4 : NULL;
    default:            return NULL;
    }
}
#else
const kernels_t *kernels_of (kernels_level_t level)
{
    return level == KERNELS_PLAIN ? &kernels_plain : NULL;
}
#endif

const kernels_t *kernels_best (void)
{
    for (int level = KERNELS_COUNT - 1; level > KERNELS_PLAIN; level--)
        if (kernels_of ((kernels_level_t) level))
            return kernels_of ((kernels_level_t) level);
    return kernels_of (KERNELS_PLAIN);
}
