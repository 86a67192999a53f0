// A chat filter in C, by hand: the names and the order of the arguments are those of the canonical ABI for `wit/chat-filter.wit`.
// `wit-bindgen c` writes such a file for larger plugins.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a realm hands over is put into memory that the plugin gives.
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    (void)old_size;
    (void)align;
    if (size == 0) return (void *)align;
    void *place = realloc(old, size);
    if (place == NULL) abort();
    return place;
}

// `variant verdict { pass, replace(string), block(string) }`
struct verdict {
    uint8_t tag;
    char *text;
    size_t length;
};
enum { PASS = 0, REPLACE = 1 };

static struct verdict verdict;

// A row of exclamation marks becomes one.
static size_t calm(char *text, size_t length) {
    size_t kept = 0;
    for (size_t at = 0; at < length; at++) {
        bool again = text[at] == '!' && kept > 0 && text[kept - 1] == '!';
        if (!again) text[kept++] = text[at];
    }
    return kept;
}

__attribute__((export_name("realm:plugin/chat-filter@0.1.0#filter"))) struct verdict *filter(
    uint64_t account, char *account_name, size_t account_name_length, int32_t destination, char *target,
    size_t target_length, char *text, size_t length, uint64_t now_ms) {
    (void)account, (void)account_name_length, (void)destination, (void)target_length, (void)now_ms;
    size_t kept = calm(text, length);
    verdict = (struct verdict){.tag = kept == length ? PASS : REPLACE, .text = text, .length = kept};
    if (kept < length) {
        // By way of WASI into the log, for which the plugin has the permission.
        printf("calmed %zu signs\n", length - kept);
        fflush(stdout);
    }
    free(account_name);
    free(target);
    if (verdict.tag == PASS) free(text);
    return &verdict;
}

// The realm has read the verdict.
__attribute__((export_name("cabi_post_realm:plugin/chat-filter@0.1.0#filter"))) void filter_end(struct verdict *read) {
    if (read->tag == REPLACE) free(read->text);
}
