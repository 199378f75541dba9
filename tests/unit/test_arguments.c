/* The command line's arguments and outcomes, by table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "retry.h"

#define MAX_WORDS 12

/* Parts a line at its blanks. Returns how many words, "quire" included. */
static int words_of (char *line, char *words [MAX_WORDS])
{
    int count = 1;
    words [0] = "quire";
    for (char *word = strtok (line, " "); word != NULL; word = strtok (NULL, " "))
        words [count++] = word;
    words [count] = NULL;
    return count;
}

static int read_line (const char *text, arguments_t *arguments, failure_t *failure, char line [256])
{
    static char *words [MAX_WORDS];
    strcpy (line, text);
    return arguments_read (words_of (line, words), words, arguments, failure);
}

static void test_what_is_understood (void **state UNUSED)
{
    static const struct {
        const char *line;
        wants_t wants;
        command_t command;
        const char *operands;   /* joined by commas */
    } cases [] = {
        {"add a b", WANTS_COMMAND, COMMAND_ADD, "a,b,"},
        {"add -- --json -x", WANTS_COMMAND, COMMAND_ADD, "--json,-x,"},
        {"--json add a", WANTS_COMMAND, COMMAND_ADD, "a,"},
        {"add a --json b", WANTS_COMMAND, COMMAND_ADD, "a,b,"},
        {"add -", WANTS_COMMAND, COMMAND_ADD, "-,"},
        {"ask", WANTS_COMMAND, COMMAND_ASK, ""},
        {"ask what?", WANTS_COMMAND, COMMAND_ASK, "what?,"},
        {"search --store s q", WANTS_COMMAND, COMMAND_SEARCH, "q,"},
        {"search --store=s q", WANTS_COMMAND, COMMAND_SEARCH, "q,"},
        {"files", WANTS_COMMAND, COMMAND_FILES, ""},
        {"rm files", WANTS_COMMAND, COMMAND_RM, "files,"},
        {"status", WANTS_COMMAND, COMMAND_STATUS, ""},
        {"--help", WANTS_HELP, COMMAND_COUNT, ""},
        {"-h", WANTS_HELP, COMMAND_COUNT, ""},
        {"help", WANTS_HELP, COMMAND_COUNT, ""},
        {"help add", WANTS_HELP, COMMAND_ADD, "add,"},
        {"add --help", WANTS_HELP, COMMAND_ADD, ""},
        {"--help add", WANTS_HELP, COMMAND_ADD, "add,"},
        {"status --help too many", WANTS_HELP, COMMAND_STATUS, "too,many,"},
        {"--version", WANTS_VERSION, COMMAND_COUNT, ""},
        {"--reference", WANTS_REFERENCE, COMMAND_COUNT, ""},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        arguments_t arguments;
        failure_t failure;
        char line [256], operands [256] = "";
        assert_int_equal (read_line (cases [i].line, &arguments, &failure, line), 0);
        for (size_t j = 0; j < arguments.operand_count; j++)
            strcat (strcat (operands, arguments.operands [j]), ",");
        assert_int_equal (arguments.wants, cases [i].wants);
        assert_int_equal (arguments.command, cases [i].command);
        assert_string_equal (operands, cases [i].operands);
    }
}

static void test_what_is_not_understood (void **state UNUSED)
{
    static const struct {
        const char *line, *why;
    } cases [] = {
        {"", "Name a command"}, {"--json", "Name a command"}, {"bogus", "no command bogus"},
        {"add", "FILE|DIR"}, {"rm", "FILE..."}, {"search", "QUERY"}, {"search a b", "too many: b"},
        {"status a", "too many: a"}, {"files a b", "too many: b"}, {"add --bogus a", "no option --bogus"},
        {"add -x a", "no option -x"}, {"add --jso a", "no option --jso"}, {"add --json=1 a", "no value for --json=1"},
        {"search q --store", "value behind --store"}, {"search q --store=", "value behind --store="},
        {"search q --parallel 2", "does not take --parallel"}, {"status --store s", "does not take --store"},
        {"add a --parallel 0", "from 1 to 32"}, {"add a --parallel 33", "from 1 to 32"},
        {"add a --parallel x", "from 1 to 32"}, {"add a --parallel 1x", "from 1 to 32"},
        {"add a --parallel=99999999999999999999", "from 1 to 32"}, {"search q --results 51", "from 1 to 50"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        arguments_t arguments;
        failure_t failure = {0};
        char line [256];
        assert_int_equal (read_line (cases [i].line, &arguments, &failure, line), -1);
        assert_int_equal (failure.outcome, OUTCOME_USAGE);
        if (strstr (failure.message, cases [i].why) == NULL)
            fail_msg ("'%s' said: %s", cases [i].line, failure.message);
    }
}

static void test_values (void **state UNUSED)
{
    arguments_t arguments;
    failure_t failure;
    char line [256];
    assert_int_equal (read_line ("add a --parallel=7 --store s --json", &arguments, &failure, line), 0);
    assert_int_equal (arguments.numbers [OPTION_PARALLEL], 7);
    assert_int_equal (arguments.numbers [OPTION_PATIENCE], 120);
    assert_string_equal (arguments.texts [OPTION_STORE], "s");
    assert_null (arguments.texts [OPTION_URL]);
    assert_true (arguments.given [OPTION_JSON]);
    assert_false (arguments.given [OPTION_AGAIN]);
}

static char *help_of (command_t command)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream (&text, &size);
    assert_non_null (out);
    arguments_help (out, command);
    fclose (out);
    return text;
}

/* Every line of help fits a terminal of 80 columns, and names what the tables hold. */
static void test_help (void **state UNUSED)
{
    for (command_t command = 0; command <= COMMAND_COUNT; command++) {
        char *text = help_of (command);
        for (char *line = strtok (text, "\n"); line != NULL; line = strtok (NULL, "\n"))
            if (strlen (line) > 80)
                fail_msg ("longer than 80 columns: %s", line);
        free (text);
    }
    char *add = help_of (COMMAND_ADD), *all = help_of (COMMAND_COUNT);
    assert_non_null (strstr (add, "--parallel N"));
    assert_non_null (strstr (add, "1 to 32, default 4"));
    assert_null (strstr (add, "--previous"));
    assert_non_null (strstr (all, "QUIRE_URL"));
    assert_non_null (strstr (all, "  130"));
    free (add);
    free (all);
}

static void test_outcomes_by_answer (void **state UNUSED)
{
    static const struct {
        int status;
        const char *body;
        outcome_t outcome;
        const char *code, *words;
    } cases [] = {
        {404, "{\"error\":{\"message\":\"No such file.\",\"code\":\"file_not_found\"}}", OUTCOME_NOT_FOUND,
         "file_not_found", "No such file."},
        {401, "{\"error\":{\"message\":\"A key.\",\"code\":\"invalid_api_key\"}}", OUTCOME_NOT_ALLOWED,
         "invalid_api_key", "QUIRE_API_KEY"},
        {403, "", OUTCOME_NOT_ALLOWED, "not_allowed", "403"},
        {503, "{\"error\":{\"message\":\"Away.\",\"code\":\"role_away\"}}", OUTCOME_AWAY, "role_away", "Away."},
        {429, "{\"error\":{\"message\":\"Slowly.\",\"code\":null}}", OUTCOME_AWAY, "away", "Slowly."},
        {502, "<html>", OUTCOME_AWAY, "away", "502"},
        {507, "{\"error\":{\"message\":\"Full.\",\"code\":\"disk_full\"}}", OUTCOME_REFUSED, "disk_full", "Full."},
        {500, "{\"error\":7}", OUTCOME_REFUSED, "refused", "500"},
        {302, "", OUTCOME_REFUSED, "refused", "302"},
        {400, "{\"error\":{\"message\":12}}", OUTCOME_REFUSED, "refused", "400"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        failure_t failure;
        assert_int_equal (failure_set_by_answer (&failure, cases [i].status, cases [i].body, strlen (cases [i].body)), -1);
        assert_int_equal (failure.outcome, cases [i].outcome);
        assert_string_equal (failure.code, cases [i].code);
        assert_non_null (strstr (failure.message, cases [i].words));
    }
}

static void test_statuses_differ (void **state UNUSED)
{
    for (outcome_t one = 0; one < OUTCOME_COUNT; one++)
        for (outcome_t other = 0; other < one; other++)
            assert_int_not_equal (outcome_status (one), outcome_status (other));
}

static void test_waits (void **state UNUSED)
{
    static const struct {
        trouble_t trouble;
        int status;
        long retry_after_s;
        bool has_answered;
        unsigned tries;
        long waited_ms, wait_ms;   /* of a patience of 60 s */
    } cases [] = {
        {TROUBLE_NONE, 200, -1, true, 0, 0, -1}, {TROUBLE_NONE, 404, -1, true, 0, 0, -1},
        {TROUBLE_NONE, 500, -1, true, 0, 0, -1}, {TROUBLE_NONE, 507, 5, true, 0, 0, -1},
        {TROUBLE_NONE, 503, -1, false, 0, 0, 1000}, {TROUBLE_NONE, 503, -1, true, 1, 0, 2000},
        {TROUBLE_NONE, 503, -1, true, 3, 0, 8000}, {TROUBLE_NONE, 503, -1, true, 4, 0, 15000},
        {TROUBLE_NONE, 503, -1, true, 4000000000u, 0, 15000},
        {TROUBLE_NONE, 503, 2, true, 3, 0, 2000}, {TROUBLE_NONE, 429, 7, true, 0, 0, 7000},
        {TROUBLE_NONE, 429, 60, true, 0, 0, 60000}, {TROUBLE_NONE, 429, 61, true, 0, 0, -1},
        {TROUBLE_NONE, 429, 9000000000L, true, 0, 0, -1}, {TROUBLE_NONE, 429, 0, true, 0, 0, 0},
        {TROUBLE_NONE, 503, 2, true, 0, 58000, 2000}, {TROUBLE_NONE, 503, 2, true, 0, 58001, -1},
        {TROUBLE_UNREACHED, 0, -1, false, 0, 0, -1}, {TROUBLE_UNREACHED, 0, -1, true, 0, 0, 1000},
        {TROUBLE_BROKEN, 0, -1, true, 2, 0, 4000}, {TROUBLE_BROKEN, 0, -1, false, 0, 0, -1},
        {TROUBLE_FILE, 0, -1, true, 0, 0, -1}, {TROUBLE_TAKER, 200, -1, true, 0, 0, -1},
        {TROUBLE_TOO_LONG, 200, -1, true, 0, 0, -1},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        retry_t retry = {.tries = cases [i].tries, .waited_ms = cases [i].waited_ms};
        answer_t answer = {.trouble = cases [i].trouble, .status = cases [i].status,
                           .retry_after_s = cases [i].retry_after_s};
        long wait_ms = retry_wait_ms (&retry, &answer, cases [i].has_answered, 60);
        assert_int_equal (wait_ms, cases [i].wait_ms);
        assert_int_equal (retry.waited_ms, cases [i].waited_ms + (wait_ms > 0 ? wait_ms : 0));
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_what_is_understood), cmocka_unit_test (test_what_is_not_understood),
        cmocka_unit_test (test_values), cmocka_unit_test (test_help), cmocka_unit_test (test_outcomes_by_answer),
        cmocka_unit_test (test_statuses_differ), cmocka_unit_test (test_waits),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
