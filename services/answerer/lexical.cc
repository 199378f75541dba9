/* The full-text index, on Xapian: the only file that knows it. No exception leaves this file. */
#include "lexical.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <xapian.h>

#include "question.h"

namespace {

const char *const kind_names [LEXICAL_KINDS] = {"pages", "heads", "chunks", "cards", "names"};

const char key_identity [] = "identity", key_applied [] = "applied";
const Xapian::valueno slot_place = 0;   /* file and page, packed */

/* Of up to this many allowed files the documents are looked up first; of more, each document's file. */
const size_t most_listed_files = 64;

/* A related word (question.h) counts so much of one of the question. */
const double related_factor = 0.5;

/* BM25 with k1 = 1.2, b = 0.75 and the idf log (1 + (N - n + 0.5) / (n + 0.5)), which is positive
 * for every n.
 * Source: Robertson & Zaragoza 2009; the idf as in Lucene. */
const double k1 = 1.2, b = 0.75;

double bm25_idf (double documents, double with_term)
{
    return std::log (1 + (documents - with_term + 0.5) / (with_term + 0.5));
}

double bm25_part (double idf, double occurrences, double length, double average)
{
    return idf * occurrences * (k1 + 1) / (occurrences + k1 * (1 - b + b * length / average));
}

std::string pack (uint32_t number)
{
    return {char (number >> 24), char (number >> 16), char (number >> 8), char (number)};
}

uint32_t unpack (const std::string &packed, size_t offset)
{
    uint32_t number = 0;
    for (size_t i = offset; i < offset + 4 && i < packed.size (); i++)
        number = number << 8 | (unsigned char) packed [i];
    return number;
}

std::string file_term (uint32_t file)
{
    return "F" + std::to_string (file);   /* terms of texts are never upper case */
}

/* -- terms ---------------------------------------------------------------------------------- */

struct Token {
    std::string word, term;   /* as it stands; stemmed */
    bool paired;              /* it may stand in a pair */
};

using take_t = std::function<void (const Token &)>;

/* Pairs are of words that say something, or of one with a number that counts things ("figure 3",
 * "2 March 2021"); the amounts of tables would only make the index larger. */
bool may_pair (const char *word, term_kind_t kind)
{
    const size_t most_digits = 4;
    if (kind == TERM_NUMBER)
        return std::strlen (word) <= most_digits && std::strchr (word, '.') == nullptr;
    return kind != TERM_DENSE && !terms_is_common (word);
}

void collect (void *context, const char *word, term_kind_t kind)
{
    static thread_local Xapian::Stem english ("english");
    (*static_cast<take_t *> (context)) ({word, kind == TERM_WORD ? english (word) : word, may_pair (word, kind)});
}

using walk_t = void (const char *, size_t, term_handler_t *, void *);

std::vector<Token> tokens_of (walk_t *terms, const char *text, size_t size)
{
    std::vector<Token> tokens;
    take_t take = [&] (const Token &token) { tokens.push_back (token); };
    terms (text, size, collect, &take);
    return tokens;
}

/* Neighbours, what may not pair between them left out, as one term each. */
std::vector<std::string> pairs_of (const std::vector<Token> &tokens)
{
    std::vector<std::string> pairs;
    const Token *before = nullptr;
    for (const Token &token : tokens) {
        if (!token.paired)
            continue;
        if (before != nullptr)
            pairs.push_back (before->term + " " + token.term);   /* terms have no spaces */
        before = &token;
    }
    return pairs;
}

void keep_distinct (std::vector<std::string> &terms)
{
    std::set<std::string> seen;
    terms.erase (std::remove_if (terms.begin (), terms.end (), [&] (const std::string &term) {
        return !seen.insert (term).second;
    }), terms.end ());
}

/* What is searched for. */
struct Question {
    std::vector<Token> words;                           /* all of them, in order */
    std::vector<std::string> terms, pairs, related, names;   /* each once */
};

Question question_of (const char *text, size_t size)
{
    Question question;
    std::vector<Token> tokens = tokens_of (terms_of_question, text, size);
    for (const Token &token : tokens)
        question.terms.push_back (token.term);
    keep_distinct (question.terms);
    question.pairs = pairs_of (tokens);
    keep_distinct (question.pairs);
    for (const Token &token : tokens_of (question_related, text, size))
        if (std::find (question.terms.begin (), question.terms.end (), token.term) == question.terms.end ())
            question.related.push_back (token.term);
    keep_distinct (question.related);
    for (const Token &token : tokens_of (terms_of_question_as_names, text, size))
        question.names.push_back (token.word);
    keep_distinct (question.names);
    question.words = tokens_of (terms_of_text, text, std::min<size_t> (size, MAX_QUESTION_BYTES));
    return question;
}

/* -- failures ------------------------------------------------------------------------------- */

/* Runs a piece of work; what it throws becomes an error. */
int guarded (const char *tried, const std::function<void ()> &work)
{
    try {
        work ();
        return 0;
    } catch (const Xapian::Error &error) {
        const char *cause = error.get_error_string ();
        bool full = cause != nullptr && std::strstr (cause, "No space left") != nullptr;
        return lexical_fail (full ? LEXICAL_FULL : LEXICAL_DAMAGED, tried, error.get_msg ().c_str ());
    } catch (const std::bad_alloc &) {
        return lexical_fail (LEXICAL_MEMORY, tried, "");
    } catch (const std::exception &error) {
        return lexical_fail (LEXICAL_DAMAGED, tried, error.what ());
    }
}

std::string database_path (const std::string &folder, int kind)
{
    return folder + "/" + kind_names [kind];
}

}  // namespace

/* -- the writer's side ---------------------------------------------------------------------- */

struct lexical {
    std::string folder, identity;
    Xapian::WritableDatabase databases [LEXICAL_KINDS];
    uint64_t applied = 0;
};

namespace {

std::string identity_of (const lexical &index)
{
    return index.identity + " " LEXICAL_VERSION;
}

void create (lexical &index)
{
    index.applied = 0;
    for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
        index.databases [kind].close ();
        std::string path = database_path (index.folder, kind);
        std::filesystem::remove_all (path);
        index.databases [kind] = Xapian::WritableDatabase (path, Xapian::DB_CREATE_OR_OVERWRITE);
        index.databases [kind].set_metadata (key_identity, identity_of (index));
        index.databases [kind].set_metadata (key_applied, "0");
        index.databases [kind].commit ();
    }
}

/* True when all of it is there and belongs to this store. */
bool open_existing (lexical &index)
{
    try {
        uint64_t applied = UINT64_MAX;
        for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
            Xapian::WritableDatabase &database = index.databases [kind];
            database = Xapian::WritableDatabase (database_path (index.folder, kind), Xapian::DB_OPEN);
            if (database.get_metadata (key_identity) != identity_of (index))
                return false;
            applied = std::min<uint64_t> (applied, std::stoull (database.get_metadata (key_applied)));
        }
        index.applied = applied;
        return true;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const Xapian::DatabaseLockError &) {
        throw;
    } catch (const Xapian::Error &) {
        return false;
    } catch (const std::logic_error &) {   /* "applied" is no number */
        return false;
    }
}

}  // namespace

lexical_t *lexical_open (const char *folder, const char *identity)
{
    std::unique_ptr<lexical> index;
    int result = guarded ("open", [&] {
        index = std::make_unique<lexical> ();
        index->folder = folder;
        index->identity = identity;
        std::filesystem::create_directories (folder);
        if (!open_existing (*index))
            create (*index);
    });
    return result == 0 ? index.release () : nullptr;
}

void lexical_close (lexical_t **lexical)
{
    if (*lexical == nullptr)
        return;
    (void) guarded ("close", [&] {
        for (Xapian::WritableDatabase &database : (*lexical)->databases) {
            try {
                database.close ();
            } catch (const Xapian::Error &) {   /* a cache: what is lost is made again */
            }
        }
    });
    delete *lexical;
    *lexical = nullptr;
}

int lexical_reset (lexical_t *lexical)
{
    return guarded ("make anew", [&] { create (*lexical); });
}

uint64_t lexical_applied (const lexical_t *lexical)
{
    return lexical->applied;
}

uint32_t lexical_count (const lexical_t *lexical, lexical_kind_t kind)
{
    uint32_t count = 0;
    (void) guarded ("count", [&] { count = lexical->databases [kind].get_doccount (); });
    return count;
}

int lexical_put (lexical_t *lexical, const lexical_document_t *source)
{
    return guarded ("add", [&] {
        Xapian::Document document;
        bool names = source->kind == LEXICAL_NAMES;
        std::vector<Token> tokens = tokens_of (names ? terms_of_name : terms_of_text, source->text, source->size);
        for (const Token &token : tokens)
            document.add_term (names ? token.word : token.term);
        if (source->kind == LEXICAL_CHUNKS)
            for (const std::string &pair : pairs_of (tokens))
                document.add_term (pair);
        document.add_boolean_term (file_term (source->file));
        document.add_value (slot_place, pack (source->file) + pack (source->page));
        lexical->databases [source->kind].replace_document (source->number, document);
    });
}

int lexical_remove_file (lexical_t *lexical, uint32_t file)
{
    return guarded ("remove", [&] {
        for (Xapian::WritableDatabase &database : lexical->databases)
            database.delete_document (file_term (file));
    });
}

int lexical_commit (lexical_t *lexical, uint64_t applied)
{
    return guarded ("commit", [&] {
        for (Xapian::WritableDatabase &database : lexical->databases) {
            database.set_metadata (key_applied, std::to_string (applied));
            database.commit ();
        }
        lexical->applied = applied;
    });
}

/* -- searching ------------------------------------------------------------------------------ */

namespace {

/* Things by number, in blocks, since deleted files leave large gaps between the numbers. */
template <typename Thing> class Blocks {
    static const uint32_t block_size = 4096;
    std::vector<std::unique_ptr<Thing []>> blocks;

    Thing *make (uint32_t block)
    {
        if (block >= blocks.size ())
            blocks.resize (block + 1);
        if (!blocks [block])
            blocks [block] = std::make_unique<Thing []> (block_size);
        return blocks [block].get ();
    }

public:
    Thing &at (uint32_t number)
    {
        uint32_t block = number / block_size;
        Thing *things = block < blocks.size () ? blocks [block].get () : nullptr;
        if (things == nullptr)
            things = make (block);
        return things [number % block_size];
    }

    void clear () { blocks.clear (); }
};

/* The scores of a search, by document. Lengths and places stay for the next one, until something changes. */
struct Tally {
    struct Entry {
        double score;      /* 0: it has none of the terms so far */
        uint32_t length;   /* in terms; 0: not looked up yet */
    };
    struct Place {
        uint32_t file, page;   /* file 0: not looked up yet */
    };
    Blocks<Entry> entries;
    Blocks<Place> places;
    std::vector<uint32_t> scored;   /* the documents that have a score */

    void begin ()   /* the search before may have been broken off */
    {
        for (uint32_t number : scored)
            entries.at (number).score = 0;
        scored.clear ();
    }

    void forget ()
    {
        entries.clear ();
        places.clear ();
        scored.clear ();
    }
};

}  // namespace

struct lexical_reader {
    std::string folder;
    Xapian::Database databases [LEXICAL_KINDS];
    Tally tallies [LEXICAL_KINDS];
    bool open = false;
};

namespace {

double idf_of (const Xapian::Database &database, const std::string &term)
{
    return bm25_idf (database.get_doccount (), database.get_termfreq (term));
}

/* The terms that the database has, the rarest first when there are too many. */
std::vector<std::string> known_terms (const Xapian::Database &database, std::vector<std::string> terms)
{
    terms.erase (std::remove_if (terms.begin (), terms.end (), [&] (const std::string &term) {
        return !database.term_exists (term);
    }), terms.end ());
    if (terms.size () <= MAX_QUESTION_TERMS)
        return terms;
    std::stable_sort (terms.begin (), terms.end (), [&] (const std::string &left, const std::string &right) {
        return database.get_termfreq (left) < database.get_termfreq (right);
    });
    terms.resize (MAX_QUESTION_TERMS);
    return terms;
}

using hits_t = std::vector<lexical_hit_t>;

void sort_by_number (hits_t &hits)
{
    std::sort (hits.begin (), hits.end (), [] (const lexical_hit_t &left, const lexical_hit_t &right) {
        return left.number < right.number;
    });
}

void sort_by_score (hits_t &hits)
{
    std::sort (hits.begin (), hits.end (), [] (const lexical_hit_t &left, const lexical_hit_t &right) {
        return left.score != right.score ? left.score > right.score : left.number < right.number;
    });
}

/* -- scoring: term by term ------------------------------------------------------------------- */

/* Xapian's own matcher goes document by document. Questions of ten or twenty words, some of them
 * frequent, take it more than twice as long: it can leave out next to nothing (docs/retrieval.md). */
struct Wanted {
    std::string term;
    double factor;   /* how much of its BM25 counts */
};

using wanted_t = std::vector<Wanted>;
using numbers_t = std::vector<uint32_t>;

void add_wanted (wanted_t &wanted, const Xapian::Database &database, const std::vector<std::string> &terms,
                 double factor)
{
    for (const std::string &term : known_terms (database, terms))
        wanted.push_back ({term, factor});
}

wanted_t wanted_of (int kind, const Xapian::Database &database, const Question &question)
{
    wanted_t wanted;
    add_wanted (wanted, database, kind == LEXICAL_NAMES ? question.names : question.terms, 1);
    if (kind == LEXICAL_CHUNKS)
        add_wanted (wanted, database, question.pairs, 1);
    if (kind == LEXICAL_PAGES || kind == LEXICAL_HEADS)
        add_wanted (wanted, database, question.related, related_factor);
    return wanted;
}

/* The documents of the files, in order. */
numbers_t documents_of (const Xapian::Database &database, const number_set_t *files)
{
    numbers_t documents;
    for (size_t word = 0; word < files->word_count; word++)
        for (int bit = 0; bit < 64; bit++) {
            if (!(files->words [word] >> bit & 1))
                continue;
            std::string file = file_term (uint32_t (word * 64 + bit));
            documents.insert (documents.end (), database.postlist_begin (file), database.postlist_end (file));
        }
    std::sort (documents.begin (), documents.end ());
    return documents;
}

/* Adds what a term says of all documents that have it, or of those listed. */
void score_term (const Xapian::Database &database, Tally &tally, const Wanted &wanted, const numbers_t *listed)
{
    double idf = idf_of (database, wanted.term) * wanted.factor, average = std::max (database.get_avlength (), 1.0);
    Xapian::PostingIterator posting = database.postlist_begin (wanted.term);
    Xapian::PostingIterator end = database.postlist_end (wanted.term);
    numbers_t::const_iterator next;
    if (listed != nullptr)
        next = listed->begin ();
    while (posting != end) {
        uint32_t number = *posting;
        if (listed != nullptr) {
            next = std::lower_bound (next, listed->end (), number);
            if (next == listed->end ())
                return;
            if (*next != number) {
                posting.skip_to (*next);
                continue;
            }
        }
        Tally::Entry &entry = tally.entries.at (number);
        if (entry.length == 0)
            entry.length = posting.get_doclength ();
        if (entry.score == 0)
            tally.scored.push_back (number);
        entry.score += bm25_part (idf, posting.get_wdf (), entry.length, average);
        ++posting;
    }
}

/* Looks up the places of documents, which must be in order. The values of a slot stand in that order,
 * so one walk finds all, where opening each document would read twice as much. */
void find_places (const Xapian::Database &database, Tally &tally, const numbers_t &numbers)
{
    Xapian::ValueIterator place = database.valuestream_begin (slot_place);
    for (uint32_t number : numbers) {
        Tally::Place &known = tally.places.at (number);
        if (known.file != 0)
            continue;
        place.skip_to (number);
        if (place == database.valuestream_end (slot_place))
            return;
        known = {unpack (*place, 0), unpack (*place, 4)};
    }
}

void keep_allowed (const Xapian::Database &database, Tally &tally, const number_set_t *allowed, numbers_t &numbers)
{
    std::sort (numbers.begin (), numbers.end ());
    find_places (database, tally, numbers);
    numbers_t kept;
    for (uint32_t number : numbers)
        if (number_set_has (allowed, tally.places.at (number).file))
            kept.push_back (number);
    numbers = std::move (kept);
}

void keep_best (Tally &tally, size_t limit, numbers_t &numbers)
{
    size_t kept = std::min (limit, numbers.size ());
    std::vector<std::pair<double, uint32_t>> order;   /* by falling score */
    order.reserve (numbers.size ());
    for (uint32_t number : numbers)
        order.push_back ({-tally.entries.at (number).score, number});
    std::partial_sort (order.begin (), order.begin () + std::ptrdiff_t (kept), order.end ());
    numbers.resize (kept);
    for (size_t i = 0; i < kept; i++)
        numbers [i] = order [i].second;
    std::sort (numbers.begin (), numbers.end ());
}

hits_t find (const Xapian::Database &database, Tally &tally, const wanted_t &wanted, const number_set_t *allowed,
             size_t limit)
{
    bool few = allowed != nullptr && allowed->count <= most_listed_files;
    numbers_t listed = few ? documents_of (database, allowed) : numbers_t ();
    tally.begin ();
    for (const Wanted &term : wanted)
        score_term (database, tally, term, few ? &listed : nullptr);
    numbers_t numbers = tally.scored;
    if (allowed != nullptr && !few)
        keep_allowed (database, tally, allowed, numbers);
    keep_best (tally, limit, numbers);
    find_places (database, tally, numbers);
    hits_t hits;
    for (uint32_t number : numbers) {
        const Tally::Place &place = tally.places.at (number);
        hits.push_back ({number, place.file, place.page, float (tally.entries.at (number).score)});
    }
    sort_by_score (hits);
    return hits;
}

/* -- names ---------------------------------------------------------------------------------- */

/* The question's terms that name a file. */
using named_t = std::map<uint32_t, std::set<std::string>>;

/* The terms of the words that make up a word of a name: one, or up to three glued together. */
void add_named (const Question &question, const std::string &name, std::set<std::string> &terms)
{
    const size_t most_glued = 3;
    for (size_t first = 0; first < question.words.size (); first++) {
        std::string glued;
        for (size_t i = first; i < question.words.size () && i < first + most_glued; i++) {
            glued += question.words [i].word;
            if (glued != name)
                continue;
            for (size_t part = first; part <= i; part++)
                terms.insert (question.words [part].term);
        }
    }
}

/* Which share of a file's name, weighted by idf, do the question's words make up? */
float name_share (const Xapian::Database &database, const lexical_hit_t &hit, const Question &question, named_t &named)
{
    double found = 0, all = 0;
    for (Xapian::TermIterator term = database.termlist_begin (hit.number);
         term != database.termlist_end (hit.number); ++term) {
        if ((*term) [0] == 'F')
            continue;
        double idf = idf_of (database, *term);
        all += idf;
        if (std::find (question.names.begin (), question.names.end (), *term) == question.names.end ())
            continue;
        found += idf;
        add_named (question, *term, named [hit.file]);
    }
    return all > 0 ? float (found / all) : 0;
}

void weigh_names (const Xapian::Database &database, const Question &question, hits_t &hits, named_t &named)
{
    for (lexical_hit_t &hit : hits)
        hit.score = name_share (database, hit, question, named);
}

/* In the pages of the files that a term names, lets it count as if it stood there once. Hits must be
 * in the order of their numbers. */
void level_term (const Xapian::Database &database, const std::string &term, const named_t &named, hits_t &hits)
{
    double idf = idf_of (database, term), average = std::max (database.get_avlength (), 1.0);
    Xapian::PostingIterator posting = database.postlist_begin (term), end = database.postlist_end (term);
    for (lexical_hit_t &hit : hits) {
        named_t::const_iterator file = named.find (hit.file);
        if (file == named.end () || file->second.count (term) == 0)
            continue;
        if (posting != end)
            posting.skip_to (hit.number);
        double own = posting != end && *posting == hit.number
            ? bm25_part (idf, posting.get_wdf (), posting.get_doclength (), average) : 0;
        hit.score += float (idf - own);
    }
}

void level_names (const Xapian::Database &database, const Question &question, const named_t &named, hits_t &hits)
{
    sort_by_number (hits);
    for (const std::string &term : known_terms (database, question.terms))
        level_term (database, term, named, hits);
    sort_by_score (hits);
}

/* -- a search ------------------------------------------------------------------------------- */

void hand_over (const hits_t &found, lexical_hits_t *hits, int kind)
{
    if (found.empty ())
        return;
    size_t bytes = found.size () * sizeof (lexical_hit_t);
    hits->hits [kind] = static_cast<lexical_hit_t *> (std::malloc (bytes));
    if (hits->hits [kind] == nullptr)
        throw std::bad_alloc ();
    std::memcpy (hits->hits [kind], found.data (), bytes);
    hits->counts [kind] = found.size ();
}

void refresh (lexical_reader &reader)
{
    for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
        if (reader.open && !reader.databases [kind].reopen ())
            continue;
        if (!reader.open)
            reader.databases [kind] = Xapian::Database (database_path (reader.folder, kind));
        reader.tallies [kind].forget ();
    }
    reader.open = true;
}

/* Of the words that are anywhere: those that no page has part none from another. */
double full_score (const Xapian::Database &pages, const Xapian::Database &heads, const Question &question)
{
    double sum = 0;
    for (const std::string &term : question.terms)
        if (pages.term_exists (term) || heads.term_exists (term))
            sum += idf_of (pages, term) * (k1 + 1);
    return sum;
}

void search_all (lexical_reader &reader, const char *text, size_t size, const number_set_t *allowed,
                 lexical_hits_t *hits)
{
    const Question question = question_of (text, size);
    hits_t found [LEXICAL_KINDS];
    named_t named;
    for (int kind = 0; kind < LEXICAL_KINDS; kind++)
        if (hits->limits [kind] > 0)
            found [kind] = find (reader.databases [kind], reader.tallies [kind],
                                 wanted_of (kind, reader.databases [kind], question), allowed, hits->limits [kind]);
    weigh_names (reader.databases [LEXICAL_NAMES], question, found [LEXICAL_NAMES], named);
    level_names (reader.databases [LEXICAL_PAGES], question, named, found [LEXICAL_PAGES]);
    for (int kind = 0; kind < LEXICAL_KINDS; kind++)
        hand_over (found [kind], hits, kind);
    hits->full_score = float (full_score (reader.databases [LEXICAL_PAGES], reader.databases [LEXICAL_HEADS],
                                          question));
}

void free_hits (lexical_hits_t *hits)
{
    for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
        std::free (hits->hits [kind]);
        hits->hits [kind] = nullptr;
        hits->counts [kind] = 0;
    }
}

}  // namespace

lexical_reader_t *lexical_reader_new (const char *folder)
{
    std::unique_ptr<lexical_reader> reader;
    int result = guarded ("open for reading", [&] {
        reader = std::make_unique<lexical_reader> ();
        reader->folder = folder;
    });
    return result == 0 ? reader.release () : nullptr;
}

void lexical_reader_destroy (lexical_reader_t **reader)
{
    delete *reader;
    *reader = nullptr;
}

/* The writer may overtake a reader twice and so take its revision away, or have made the index
 * anew: then it is opened again. */
int lexical_search (lexical_reader_t *reader, const char *question, size_t size,
                    const number_set_t *allowed, lexical_hits_t *hits)
{
    const int tries = 4;
    for (int i = 0; i < tries; i++) {
        bool again = false;
        int result = guarded ("search", [&] {
            try {
                free_hits (hits);
                refresh (*reader);
                search_all (*reader, question, size, allowed, hits);
            } catch (const Xapian::DatabaseOpeningError &) {
                reader->open = false;   /* being made anew: nothing to be found yet */
            } catch (const Xapian::DatabaseError &) {
                reader->open = false;
                again = i + 1 < tries;
                if (!again)
                    throw;
            }
        });
        if (!again)
            return result;
    }
    return 0;
}

uint64_t lexical_reader_applied (lexical_reader_t *reader)
{
    uint64_t applied = UINT64_MAX;
    int result = guarded ("tell how far it is", [&] {
        refresh (*reader);
        for (const Xapian::Database &database : reader->databases)
            applied = std::min<uint64_t> (applied, std::stoull (database.get_metadata (key_applied)));
    });
    reader->open = reader->open && result == 0;
    return result == 0 ? applied : 0;
}

/* -- checking ------------------------------------------------------------------------------- */

int lexical_list (const char *folder, const char *identity, lexical_kind_t kind, uint64_t *applied,
                  lexical_list_handler_t *handler, void *context)
{
    return guarded ("list", [&] {
        Xapian::Database database (database_path (folder, kind));
        if (database.get_metadata (key_identity) != std::string (identity) + " " LEXICAL_VERSION)
            throw Xapian::DatabaseOpeningError ("it is of another store or version");
        *applied = std::stoull (database.get_metadata (key_applied));
        Xapian::doccount count = 0;
        for (Xapian::ValueIterator place = database.valuestream_begin (slot_place);
             place != database.valuestream_end (slot_place); ++place, ++count)
            handler (context, place.get_docid (), unpack (*place, 0));
        if (count != database.get_doccount ())
            throw Xapian::DatabaseCorruptError ("it has documents without a file");
    });
}

void lexical_hits_free (lexical_hits_t *hits)
{
    free_hits (hits);
}
