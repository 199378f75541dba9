/* Turns: see turns.h. */
#include "turns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "error.h"
#include "terms.h"

#define MOST_BACK        3u      /* questions before that one may go on from */
#define LEAST_TERMS      2u      /* a question with fewer says too little alone */
#define MAX_SEARCH_BYTES 4096u   /* of all together; the earliest goes first */

struct turns {
    yyjson_doc *doc;
    turn_t items [MAX_TURNS];
    size_t count;
};

/* -- reading --------------------------------------------------------------------------------- */

static bool is_blank (const char *text)
{
    return text [strspn (text, " \t\r\n")] == '\0';
}

static bool role_named (const char *name, turn_role_t *role)
{
    static const struct {
        const char *name;
        turn_role_t role;
    } roles [] = {{"user", TURN_USER}, {"assistant", TURN_ASSISTANT}, {"system", TURN_SYSTEM},
                  {"developer", TURN_SYSTEM}};
    for (size_t i = 0; name != NULL && i < COUNT_OF (roles); i++)
        if (strcmp (roles [i].name, name) == 0) {
            *role = roles [i].role;
            return true;
        }
    return false;
}

static int take_turn (turns_t *turns, yyjson_val *value)
{
    turn_t turn = {.text = yyjson_get_str (yyjson_obj_get (value, "content"))};
    if (!role_named (yyjson_get_str (yyjson_obj_get (value, "role")), &turn.role))
        return error_set (ERROR_BAD_FIELD, "A turn's 'role' must be user, assistant, system or developer.");
    if (turn.text == NULL)
        return error_set (ERROR_BAD_FIELD, "A turn's 'content' must be a text.");
    turns->items [turns->count++] = turn;
    return 0;
}

/* Makes room by forgetting the oldest that was said by user or assistant. */
static void forget_one (turns_t *turns)
{
    size_t i = 0;
    while (i + 1 < turns->count && turns->items [i].role == TURN_SYSTEM)
        i++;
    turns->count--;
    memmove (&turns->items [i], &turns->items [i + 1], (turns->count - i) * sizeof *turns->items);
}

static int read_turns (turns_t *turns)
{
    size_t i, most;
    yyjson_val *value, *root = yyjson_doc_get_root (turns->doc);
    if (!yyjson_is_arr (root) || yyjson_arr_size (root) == 0)
        return error_set (ERROR_BAD_FIELD, "A conversation is a list of turns, at least one.");
    yyjson_arr_foreach (root, i, most, value) {
        if (turns->count == MAX_TURNS)
            forget_one (turns);
        if (take_turn (turns, value) != 0)
            return -1;
    }
    const turn_t *last = &turns->items [turns->count - 1];
    if (last->role != TURN_USER)
        return error_set (ERROR_BAD_FIELD, "The last turn must be the user's question.");
    return is_blank (last->text) ? error_set (ERROR_QUESTION_EMPTY, NULL) : 0;
}

turns_t *turns_parse (const char *json)
{
    turns_t *turns = calloc (1, sizeof *turns);
    size_t size = strlen (json);
    if (turns == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    if (size > MAX_TURNS_BYTES)
        error_set (ERROR_BAD_FIELD, "The conversation is longer than %u bytes.", MAX_TURNS_BYTES);
    else if ((turns->doc = yyjson_read (json, size, 0)) == NULL)
        error_set (ERROR_BAD_FIELD, "The conversation is not valid JSON.");
    if (turns->doc == NULL || read_turns (turns) != 0)
        turns_destroy (&turns);
    return turns;
}

void turns_destroy (turns_t **turns)
{
    if (*turns == NULL)
        return;
    yyjson_doc_free ((*turns)->doc);
    free (*turns);
    *turns = NULL;
}

size_t turns_count (const turns_t *turns) { return turns->count; }
const turn_t *turns_get (const turns_t *turns, size_t index) { return &turns->items [index]; }
const char *turns_question (const turns_t *turns) { return turns->items [turns->count - 1].text; }

/* -- standing alone -------------------------------------------------------------------------- */

#define MAX_WORD 16

static bool is_letter (char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char) c >= 0x80;
}

/* The next word in lower case, cut at MAX_WORD; NULL at the end. */
static const char *next_word (const char *text, char word [MAX_WORD])
{
    size_t length = 0;
    while (*text != '\0' && !is_letter (*text))
        text++;
    if (*text == '\0')
        return NULL;
    for (; is_letter (*text); text++)
        if (length + 1 < MAX_WORD)
            word [length++] = (char) (*text >= 'A' && *text <= 'Z' ? *text + 32 : *text);
    word [length] = '\0';
    return text;
}

static bool is_among (const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp (*words, word) == 0)
            return true;
    return false;
}

static void count_term (void *context, const char *term UNUSED, term_kind_t kind UNUSED)
{
    ++*(size_t *) context;
}

/* Does it point back to what was said before? */
static bool points_back (const char *question)
{
    static const char *const openings [] = {"and", "but", "or", "so", "then", "also", "why", NULL};
    static const char *const pointers [] = {
        "it", "its", "they", "them", "their", "theirs", "he", "him", "his", "she", "her", "hers", "these", "those",
        "former", "latter", "else", "ones", NULL};
    static const char *const last_pointers [] = {"this", "that", "there", "then", "same", "one", NULL};
    char word [MAX_WORD] = "";
    size_t terms = 0, place = 0;
    for (const char *at = question; (at = next_word (at, word)) != NULL; place++)
        if (is_among (word, pointers) || (place == 0 && is_among (word, openings)))
            return true;
    terms_of_question (question, strlen (question), count_term, &terms);
    return is_among (word, last_pointers) || terms < LEAST_TERMS;
}

/* Where the questions begin that the last one goes on from. */
static size_t beginning (const turns_t *turns)
{
    size_t at = turns->count - 1, back = 0, size = strlen (turns->items [at].text);
    for (size_t i = at; i-- > 0 && back < MOST_BACK && points_back (turns->items [at].text);) {
        if (turns->items [i].role != TURN_USER)
            continue;
        size += strlen (turns->items [i].text) + 1;
        if (size > MAX_SEARCH_BYTES)
            break;
        at = i;
        back++;
    }
    return at;
}

char *turns_search_question (const turns_t *turns)
{
    char *question = NULL;
    size_t size;
    FILE *out = open_memstream (&question, &size);
    if (out != NULL) {
        for (size_t i = beginning (turns); i + 1 < turns->count; i++)
            if (turns->items [i].role == TURN_USER)
                fprintf (out, "%s ", turns->items [i].text);
        fputs (turns_question (turns), out);
    }
    if (out == NULL || fclose (out) != 0) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    return question;
}
