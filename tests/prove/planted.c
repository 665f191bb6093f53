/* Commits the mistake whose number is its argument, inside a library with the feature `planted`: a tool that watches has to see it. */

#include <remotemedia.h>
#include <stdio.h>
#include <stdlib.h>

uint32_t rm_planted_defect(uint32_t kind);

int main(int count, char **words) {
    uint32_t kind = count > 1 ? (uint32_t)strtoul(words[1], NULL, 10) : 0;
    printf("%u\n", (unsigned)rm_planted_defect(kind));
    return 0;
}
