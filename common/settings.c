/* Settings: the table as arrays, filled once from the environment. */
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

typedef struct {
    const char *name, *variable, *standard, *unit, *roles, *what;
    bool number, secret;
    long least, most, standard_number;
} setting_row_t;

static const setting_row_t rows [SETTING_COUNT] = {
#define SETTING_TEXT(NAME, VARIABLE, STANDARD, ROLES, SECRET, WHAT) \
    [SETTING_##NAME] = {.name = "QUIRE_" #NAME, .variable = VARIABLE, .standard = STANDARD, \
                        .unit = "", .roles = ROLES, .what = WHAT, .secret = SECRET},
#define SETTING_NUMBER(NAME, VARIABLE, STANDARD, MIN, MAX, UNIT, ROLES, WHAT) \
    [SETTING_##NAME] = {.name = "QUIRE_" #NAME, .variable = VARIABLE, .unit = UNIT, .roles = ROLES, \
                        .what = WHAT, .number = true, .least = MIN, .most = MAX, \
                        .standard_number = STANDARD},
#include "settings.def"
#undef SETTING_TEXT
#undef SETTING_NUMBER
};

static char *texts [SETTING_COUNT];      /* for the life of the process */
static long numbers [SETTING_COUNT];
static bool given [SETTING_COUNT];

const char *settings_variable (setting_t setting)
{
    return rows [setting].variable ? rows [setting].variable : rows [setting].name;
}

/* Reads a value from the file that <variable>_FILE names. Returns a copy, NULL when there is no
 * such variable, or NULL with *failed set. A final line end is not part of the value. */
static char *text_from_file (const char *variable, bool *failed)
{
    char name [128];
    snprintf (name, sizeof name, "%s_FILE", variable);
    const char *path = getenv (name);
    if (!path || !*path)
        return NULL;
    FILE *file = fopen (path, "re");
    char *text = calloc (1, MAX_SETTING_BYTES + 1);
    size_t size = file && text ? fread (text, 1, MAX_SETTING_BYTES, file) : 0;
    *failed = true;
    if (!file || !text || ferror (file))
        error_set (ERROR_BAD_FIELD, "%s names %s, which can't be read: %s", name, path, strerror (errno));
    else if (fgetc (file) != EOF)
        error_set (ERROR_BAD_FIELD, "%s names %s, which is longer than %d bytes", name, path, MAX_SETTING_BYTES);
    else
        *failed = false;
    if (file)
        fclose (file);
    while (size > 0 && (text [size - 1] == '\n' || text [size - 1] == '\r'))
        text [--size] = '\0';
    if (*failed) {
        free (text);
        text = NULL;
    }
    return text;
}

static int text_load (setting_t setting)
{
    bool failed = false;
    const char *variable = settings_variable (setting);
    char *text = text_from_file (variable, &failed);
    if (failed)
        return -1;
    const char *value = getenv (variable);
    given [setting] = text || (value && *value);
    if (!text)
        text = strdup (value && *value ? value : rows [setting].standard);
    if (!text)
        return error_set (ERROR_NO_MEMORY, NULL);
    free (texts [setting]);
    texts [setting] = text;
    return 0;
}

static int number_load (setting_t setting)
{
    const setting_row_t *row = rows + setting;
    const char *variable = settings_variable (setting);
    const char *value = getenv (variable);
    numbers [setting] = row->standard_number;
    given [setting] = value && *value;
    if (!given [setting])
        return 0;
    char *end;
    errno = 0;
    long number = strtol (value, &end, 10);
    if (errno || *end || number < row->least || number > row->most)
        return error_set (ERROR_BAD_FIELD, "%s is '%.40s'; it must be a whole number from %ld to %ld%s%s",
                          variable, value, row->least, row->most, *row->unit ? " " : "", row->unit);
    numbers [setting] = number;
    return 0;
}

int settings_load (void)
{
    for (setting_t i = 0; i < SETTING_COUNT; i++)
        if ((rows [i].number ? number_load : text_load) (i) != 0)
            return -1;
    return 0;
}

const char *settings_text (setting_t setting)
{
    return texts [setting] ? texts [setting] : rows [setting].standard;
}

bool settings_given (setting_t setting)
{
    return given [setting];
}

long settings_number (setting_t setting)
{
    return numbers [setting];
}

void settings_override (setting_t setting, const char *value)
{
    setenv (settings_variable (setting), value, 1);
    if ((rows [setting].number ? number_load : text_load) (setting) != 0)
        abort ();   /* a test that sets nonsense */
}

static void standard_print (const setting_row_t *row, char *out, size_t capacity)
{
    if (row->number)
        snprintf (out, capacity, "%ld%s%s", row->standard_number, *row->unit ? " " : "", row->unit);
    else
        snprintf (out, capacity, "%s", row->standard);
}

static void row_print (FILE *out, setting_t setting, bool markdown)
{
    const setting_row_t *row = rows + setting;
    char standard [256], range [64] = "";
    standard_print (row, standard, sizeof standard);
    if (row->number)
        snprintf (range, sizeof range, "%ld to %ld", row->least, row->most);
    if (markdown)
        fprintf (out, "| `%s` | %s%s%s | %s | %s |\n", settings_variable (setting), *standard ? "`" : "",
                 standard, *standard ? "`" : "", range, row->what);
    else
        fprintf (out, "  %-32s %s\n  %-32s default %s%s%s\n", settings_variable (setting), row->what, "",
                 *standard ? standard : "none", *range ? ", from " : "", range);
}

void settings_print (FILE *out, char role_letter, bool markdown)
{
    if (markdown)
        fputs ("| variable | default | range | what it is |\n|---|---|---|---|\n", out);
    for (setting_t i = 0; i < SETTING_COUNT; i++)
        if (!role_letter || strchr (rows [i].roles, role_letter))
            row_print (out, i, markdown);
}
