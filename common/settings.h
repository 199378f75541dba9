/* Settings: read once from the environment at start, checked, then passed by name.
 *
 *     if (settings_load ("extractor") != 0) …          error_text () says which and why
 *     settings_number (SETTING_EXTRACTOR_PAGE_MS)
 *
 * After settings_load the settings are read-only, so threads may read them. */
#ifndef QUIRE_SETTINGS_H
#define QUIRE_SETTINGS_H

#include <stdio.h>

#include "macros.h"

typedef enum {
#define SETTING_TEXT(name, variable, standard, roles, secret, what) SETTING_##name,
#define SETTING_NUMBER(name, variable, standard, min, max, unit, roles, what) SETTING_##name,
#include "settings.def"
#undef SETTING_TEXT
#undef SETTING_NUMBER
    SETTING_COUNT
} setting_t;

#define MAX_SETTING_BYTES 65536

/* Reads every setting. Returns 0, or -1 with BAD_FIELD naming the variable, what it holds (unless
 * it is a secret) and what it may be. */
MUST_CHECK int settings_load (void);

const char *settings_text (setting_t setting);
long settings_number (setting_t setting);
bool settings_given (setting_t setting);   /* by the variable or a file, and be that file empty */
const char *settings_variable (setting_t setting);   /* "QUIRE_EXTRACTOR_PAGE_MS" */

/* Prints the settings that a role reads (its letter, or 0 for all) with default, range and
 * meaning; for --help, and as Markdown for docs/operations.md. */
void settings_print (FILE *out, char role_letter, bool markdown);

/* Sets one for a test, as if it had come from the environment. */
void settings_override (setting_t setting, const char *value);

#endif
