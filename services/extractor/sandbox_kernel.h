/* What the kernel has for a sandbox. Kernels differ, and so do container engines' rules. */
#ifndef QUIRE_SANDBOX_KERNEL_H
#define QUIRE_SANDBOX_KERNEL_H

#include "macros.h"

/* What a sanitizer does by itself can't be foreseen: its calls, much memory, a process that looks for
 * leaks, reports. So a build with one has the fences that it can live with. */
#if defined (__has_feature)
#define SANITIZED (__has_feature (address_sanitizer) || __has_feature (thread_sanitizer))
#elif defined (__SANITIZE_ADDRESS__) || defined (__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Landlock's version; 0: there is none. */
int sandbox_landlock (void);

/* Can system calls be filtered? Never in a sanitizer's build. */
bool sandbox_seccomp (void);

/* Says in the log what is missing; once, at start. */
void sandbox_tell_missing (void);

#endif
