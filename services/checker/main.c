/* checker: says whether a data folder is whole: the store, its indexes, the board, the files folder,
 * and each against the store. It changes nothing, and the service may run or not.
 *
 * A service that is at work changes things between two looks; so what was found is looked at again,
 * and only what stays is told. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "log.h"
#include "settings.h"
#include "version.h"

#define LOOKS          12     /* at what a running service may be amid of */
#define BETWEEN_MS     2500
#define EXIT_FAULTS    1
#define EXIT_NO_CHECK  2      /* it could not be made, or the command line is wrong */

static const char usage [] =
    "quire-checker: says whether a data folder is whole; changes nothing\n\n"
    "Usage: quire-checker [--quick] [--once] FOLDER, --help, --version\n\n"
    "    --quick   without reading all bytes of the files and of the store\n"
    "    --once    without looking again, for half a minute, at what a running service may be amid of\n\n"
    "The status is 0 when it is whole, 1 when there are faults, 2 when it could not be looked at.\n\n"
    "Settings are environment variables:\n\n"
    "    REDIS_URL                job board (default: FOLDER/.run/redis.sock, the one of scripts/run)\n"
    "    QUIRE_GATEWAY_ORPHAN_S   as the gateway has it\n";

void check_failed (check_t *check, const char *part)
{
    const char *why = error_text ();
    size_t length = strlen (part);
    bool says_so = strncmp (why, part, length) == 0 && why [length] == ':';
    findings_add (check->findings, FINDING_FAULT, part, "%s", says_so ? why + length + 2 : why);
}

static job_board_t *open_board (const char *folder)
{
    char url [MAX_PATH];
    bool is_set = getenv ("REDIS_URL") != NULL || getenv ("REDIS_URL_FILE") != NULL;
    snprintf (url, sizeof url, "unix://%s/.run/redis.sock", folder);
    return job_board_new (is_set ? settings_text (SETTING_REDIS_URL) : url);
}

static int open_store (check_t *check)
{
    char path [MAX_PATH];
    snprintf (path, sizeof path, "%s/store.sqlite", check->folder);
    if (access (path, F_OK) != 0)
        return error_set (ERROR_STORE_FAILED, "%s is missing: restore it from a backup", path);
    check->store = store_open (path, false);
    return check->store == NULL || store_identity (check->store, check->identity) != 0 ? -1 : 0;
}

/* One look at everything. *summary, which is replaced, gets a line a part. */
static int look (check_t *check, char **summary)
{
    size_t size;
    free (*summary);
    *summary = NULL;
    check->out = open_memstream (summary, &size);
    if (check->out == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    check_board (check);
    check_bytes (check);
    check_texts (check);
    check_vectors (check);
    check_store (check);
    fclose (check->out);
    return 0;
}

/* Looks until nothing is found that an earlier look has found too, or long enough. */
static int look_patiently (check_t *check, char **summary)
{
    int result = look (check, summary);
    for (int i = 1; result == 0 && i < LOOKS && check->board_answers && !check->once
         && findings_count (check->findings, FINDING_FAULT) > 0; i++) {
        findings_t *earlier = check->findings;
        usleep (BETWEEN_MS * 1000);
        check->findings = findings_new ();
        result = check->findings == NULL ? -1 : look (check, summary);
        if (result == 0)
            findings_keep_common (check->findings, earlier);
        findings_destroy (&earlier);
    }
    return result;
}

static int tell (const check_t *check, const char *summary)
{
    size_t faults = findings_count (check->findings, FINDING_FAULT);
    fputs (summary == NULL ? "" : summary, stdout);
    findings_print (check->findings, stdout);
    if (faults == 0)
        printf ("whole\n");
    else
        printf ("faults: %zu\n", faults);
    return faults == 0 ? 0 : EXIT_FAULTS;
}

static int could_not (void)
{
    fprintf (stderr, "quire-checker: %s\n", error_text ());
    return EXIT_NO_CHECK;
}

static int check_folder (check_t *check)
{
    struct stat status;
    if (strlen (check->folder) > MAX_PATH - 64)
        return error_set (ERROR_BAD_FIELD, "The path of the folder is too long.");
    if (stat (check->folder, &status) != 0 || !S_ISDIR (status.st_mode) || access (check->folder, R_OK | X_OK) != 0)
        return error_set (ERROR_BAD_FIELD, "%s is no folder that can be read: name the data folder of a service.",
                          check->folder);
    check->board = open_board (check->folder);
    if (check->board == NULL)
        return -1;
    job_board_only_look (check->board);
    check->findings = findings_new ();
    return check->findings == NULL ? -1 : 0;
}

static int run (check_t *check)
{
    char *summary = NULL;
    if (check_folder (check) != 0)
        return could_not ();
    int result = 0;
    if (open_store (check) != 0)
        check_failed (check, "store");   /* there is nothing to compare with */
    else
        result = look_patiently (check, &summary);
    int status = result == 0 ? tell (check, summary) : could_not ();
    free (summary);
    return status;
}

int main (int argc, char *argv [])
{
    check_t check = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp (argv [i], "--help") == 0)
            return fputs (usage, stdout) < 0;
        if (strcmp (argv [i], "--version") == 0)
            return printf ("quire-checker %s\n", QUIRE_VERSION) < 0;
        if (strcmp (argv [i], "--quick") == 0)
            check.quick = true;
        else if (strcmp (argv [i], "--once") == 0)
            check.once = true;
        else if (argv [i] [0] == '-' || check.folder != NULL)
            return fputs (usage, stderr), EXIT_NO_CHECK;
        else
            check.folder = argv [i];
    }
    if (check.folder == NULL)
        return fputs (usage, stderr), EXIT_NO_CHECK;
    log_open ("checker", LEVEL_ERROR);
    if (settings_load () != 0)
        return could_not ();
    int status = run (&check);
    store_close (&check.store);
    job_board_destroy (&check.board);
    findings_destroy (&check.findings);
    return status;
}
