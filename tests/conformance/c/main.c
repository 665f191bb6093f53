/* The runner of C: every case of the suite that needs no codec, on the ABI itself. See the README of the suite. */

#include "suite.h"

#define MAX_CASES 4096

typedef struct entry {
    char *name, *path;
    const json *vector;
    void (*run)(const json *vector);
    int how;
} entry;

static entry entries[MAX_CASES];
static size_t entry_count;
static const char *suite;

static char *joined(const char *a, const char *between, const char *b) {
    size_t len = strlen(a) + strlen(between) + strlen(b) + 1;
    char *whole = malloc(len);
    if (whole == NULL) abort();
    snprintf(whole, len, "%s%s%s", a, between, b);
    return whole;
}

static entry *new_entry(char *name) {
    if (entry_count == MAX_CASES) abort();
    entries[entry_count].name = name;
    return &entries[entry_count++];
}

static void add_vectors(const json *file, const char *group, const char *prefix, void (*run)(const json *)) {
    for (const json *vector = json_need(file, group)->first; vector != NULL; vector = vector->next) {
        entry *made = new_entry(joined(prefix, "/", json_need(vector, "name")->data));
        made->vector = vector;
        made->run = run;
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

/* The files of a folder and of those in it, as cases. */
static void add_files(const char *folder, const char *prefix) {
    DIR *open = opendir(folder);
    if (open == NULL) return;
    for (struct dirent *found; (found = readdir(open)) != NULL;) {
        size_t len = strlen(found->d_name);
        char *path = joined(folder, "/", found->d_name);
        if (len > 5 && strcmp(found->d_name + len - 5, ".json") == 0) {
            char *name = joined(prefix, "/", found->d_name);
            name[strlen(name) - 5] = '\0';
            new_entry(name)->path = path;
        } else if (found->d_name[0] != '.') {
            add_files(path, joined(prefix, "/", found->d_name));
        }
    }
    closedir(open);
}

static void run_entry(const entry *each) {
    if (each->run != NULL)
        each->run(each->vector);
    else if (strncmp(each->name, "digest/", 7) == 0)
        run_digest(each->name, each->path, joined(suite, "/", "../.."));
    else
        run_scenario(each->path);
}

/* Runs a case and prints its line; whether it did not fail. */
static bool run_and_print(const entry *each) {
    int how = setjmp(end_of_case);
    if (how == CASE_RUNS) {
        run_entry(each);
        printf("ok %s\n", each->name);
    } else {
        for (char *mark = reason; *mark != '\0'; mark++)
            if (*mark == '\n') *mark = ' ';
        printf("%s %s: %s\n", how == CASE_SKIPPED ? "skip" : "FAIL", each->name, reason);
    }
    fflush(stdout);
    return how != CASE_FAILED;
}

static bool is_chosen(const entry *each, int count, char **names) {
    for (int index = 0; index < count; index++)
        if (strcmp(each->name, names[index]) == 0) return true;
    return count == 0;
}

int main(int count, char **arguments) {
    if (count < 2) {
        fprintf(stderr, "conformance SUITE [--list] [CASE...]\n");
        return 2;
    }
    suite = arguments[1];
    bool lists = count > 2 && strcmp(arguments[2], "--list") == 0;
    int skipped = lists ? 3 : 2;
    if (setjmp(end_of_case) != CASE_RUNS) {
        fprintf(stderr, "%s\n", reason);
        return 2;
    }
    if (rm_abi_version() >> 16 != RM_ABI_MAJOR || rm_abi_version() < (RM_ABI_MAJOR << 16 | RM_ABI_MINOR))
        fail("the library has another ABI than the header");
    const json *vectors = json_file(joined(suite, "/", "vectors.json"));
    if (json_int(vectors, "version", 0) != 1) fail("vectors.json has an unknown version");
    add_vectors(vectors, "values", "twin", run_twin);
    add_vectors(vectors, "read_twins", "read_twin", run_read_twin);
    add_vectors(vectors, "refused", "refused", run_refused);
    add_vectors(vectors, "refused_twins", "refused_twin", run_refused_twin);
    size_t files = entry_count;
    add_files(joined(suite, "/", "scenarios"), "scenario");
    add_files(joined(suite, "/", "digests"), "digest");
    qsort(entries + files, entry_count - files, sizeof *entries, by_name);
    keep_arena();
    bool all_well = true;
    int found = 0;
    for (size_t index = 0; index < entry_count; index++) {
        if (!is_chosen(&entries[index], count - skipped, arguments + skipped)) continue;
        found++;
        if (lists) {
            printf("%s\n", entries[index].name);
            continue;
        }
        alarm(60);
        all_well &= run_and_print(&entries[index]);
        free_arena();
    }
    if (found == 0) {
        fprintf(stderr, "there is no such case\n");
        return 2;
    }
    return all_well ? 0 : 1;
}
