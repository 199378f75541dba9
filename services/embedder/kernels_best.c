/* Which kernels this processor can run. */
#include "kernels.h"

extern const kernels_t kernels_plain;

#ifdef __x86_64__
extern const kernels_t kernels_v3, kernels_v3_vnni, kernels_v4, kernels_v4_vnni;

const kernels_t *kernels_of (kernels_level_t level)
{
    bool v3 = __builtin_cpu_supports ("x86-64-v3"), v4 = __builtin_cpu_supports ("x86-64-v4");
    switch (level) {
    case KERNELS_PLAIN:   return &kernels_plain;
    case KERNELS_V3:      return v3 ? &kernels_v3 : NULL;
    case KERNELS_V3_VNNI: return v3 && __builtin_cpu_supports ("avxvnni") ? &kernels_v3_vnni : NULL;
    case KERNELS_V4:      return v4 ? &kernels_v4 : NULL;
    case KERNELS_V4_VNNI: return v4 && __builtin_cpu_supports ("avx512vnni") ? &kernels_v4_vnni : NULL;
    default:              return NULL;
    }
}
#else
const kernels_t *kernels_of (kernels_level_t level)
{
    return level == KERNELS_PLAIN ? &kernels_plain : NULL;
}
#endif

const kernels_t *kernels_best (kernels_level_t most)
{
    for (int level = most; level > KERNELS_PLAIN; level--)
        if (kernels_of ((kernels_level_t) level))
            return kernels_of ((kernels_level_t) level);
    return kernels_of (KERNELS_PLAIN);
}
